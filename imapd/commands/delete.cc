// DELETE mailbox. RFC 9051 6.3.5.
#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::deleteMailbox(Invocation call) {
  Reader& in = call.in;
  in.space();
  const Result<std::string> name = readMailbox(in);
  in.end();
  if (in.failed()) co_return badSyntax(in);
  if (!name) co_return answerTo(name.error());
  if (*name == "INBOX") co_return Reply::no("CANNOT", "INBOX cannot be deleted");
  const Result<void> deleted = co_await account_->deleteMailbox(*name);
  if (!deleted) co_return answerTo(deleted.error());
  if (selected_ && view().mailbox.name == *name) {
    leaveMailbox();
    write("* OK [CLOSED] The selected mailbox was deleted\r\n");
  }
  co_return Reply::ok("Deleted");
}

}  // namespace ostler::imap
