// LOGOUT: BYE, then OK. RFC 9051 6.1.3.
#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::logout(Invocation call) {
  call.in.end();
  if (call.in.failed()) co_return badSyntax(call.in);
  leaveMailbox();
  bye("Logging out");
  endReason_ = "logout";
  co_return Reply::ok("Logout completed");
}

}  // namespace ostler::imap
