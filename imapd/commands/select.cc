// SELECT and EXAMINE. RFC 9051 6.3.2, 6.3.3. How a mailbox is opened stands in session_select.cc.
#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::select(Invocation call) {
  return openMailbox(std::move(call), Access::readWrite);
}

Task<Reply> Session::examine(Invocation call) {
  return openMailbox(std::move(call), Access::readOnly);
}

}  // namespace ostler::imap
