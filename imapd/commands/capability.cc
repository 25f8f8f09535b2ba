// CAPABILITY: what this server offers in this state. RFC 9051 6.1.1.
#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::capability(Invocation call) {
  call.in.end();
  if (call.in.failed()) co_return badSyntax(call.in);
  write("* CAPABILITY " + capabilities() + "\r\n");
  co_return Reply::ok("Capability completed");
}

}  // namespace ostler::imap
