// NOOP and CHECK: the client asks for news. RFC 9051 6.1.2; RFC 3501 6.4.1 (CHECK: every change is durable already).
#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::noop(Invocation call) {
  call.in.end();
  if (call.in.failed()) co_return badSyntax(call.in);
  // Whoever asks gets an answer of now, whether a hint has come or not.
  if (selected_) selected_->changed = true;
  co_return Reply::ok("Done");
}

}  // namespace ostler::imap
