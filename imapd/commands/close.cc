// CLOSE: expunges without telling, then leaves the mailbox; UNSELECT leaves it as it is. RFC 9051 6.4.1, 6.4.2.
#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::close(Invocation call) {
  call.in.end();
  if (call.in.failed()) co_return badSyntax(call.in);
  if (view().access == Access::readWrite) {
    const Result<UidSet> expunged =
        co_await account_->expunge(view().mailbox.id, UidSet::all(), store::Account::Expunge::deletedOnly);
    if (!expunged && expunged.error().kind != Error::Kind::notFound) co_return answerTo(expunged.error());
  }
  leaveMailbox();
  co_return Reply::ok("Closed");
}

Task<Reply> Session::unselect(Invocation call) {
  call.in.end();
  if (call.in.failed()) co_return badSyntax(call.in);
  leaveMailbox();
  co_return Reply::ok("Unselected");
}

}  // namespace ostler::imap
