// ENABLE: extensions that change what the server sends. RFC 9051 6.3.1; RFC 7162 3.2.3; RFC 6855 3.
#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::enable(Invocation call) {
  Reader& in = call.in;
  std::string enabled;
  in.space();
  do {
    const std::string name = in.word();
    if (name == "CONDSTORE") {
      enableCondStore();
      enabled += " CONDSTORE";
    } else if (name == "QRESYNC") {
      enableCondStore();  // RFC 7162 3.2.3: the one means the other
      enabled_.qresync = true;
      enabled += " QRESYNC";
    } else if (name == "UTF8=ACCEPT") {
      enabled_.utf8 = true;
      enabled += " UTF8=ACCEPT";
    } else if (name == "IMAP4REV2") {
      enabled_.rev2 = true;
      enabled += " IMAP4rev2";
    }  // unknown ones are ignored: RFC 5161 3.1
  } while (in.accept(' '));
  in.end();
  if (in.failed()) co_return badSyntax(in);
  write("* ENABLED" + enabled + "\r\n");
  co_return Reply::ok("Enabled");
}

}  // namespace ostler::imap
