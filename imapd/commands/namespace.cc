// NAMESPACE: one personal namespace without a prefix. RFC 9051 6.3.10; RFC 2342.
#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::nameSpace(Invocation call) {
  call.in.end();
  if (call.in.failed()) co_return badSyntax(call.in);
  write("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
  co_return Reply::ok("Namespace completed");
}

}  // namespace ostler::imap
