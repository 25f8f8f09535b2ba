// LOGIN user password: SASL's PLAIN in other words. RFC 9051 6.2.3.
#include "libmailcore/base/ascii.h"

#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::login(Invocation call) {
  Reader& in = call.in;
  in.space();
  const std::string user = in.astring();
  in.space();
  const std::string password = in.astring();
  in.end();
  if (in.failed()) co_return badSyntax(in);
  if (user.find('\0') != std::string::npos || password.find('\0') != std::string::npos) {
    mechanism_ = "PLAIN";
    loginName_ = printable(user, 100);
    tellFailedLogin("a name or password with NUL");
    co_return Reply::no("AUTHENTICATIONFAILED", "Authentication failed");
  }
  std::string initial = '\0' + user + '\0' + password;
  const Reply reply = co_await logIn("PLAIN", std::move(initial));
  co_return reply;
}

}  // namespace ostler::imap
