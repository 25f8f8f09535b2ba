// RENAME mailbox to another name, its children with it. RFC 9051 6.3.6.
#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::rename(Invocation call) {
  Reader& in = call.in;
  in.space();
  const Result<std::string> from = readMailbox(in);
  in.space();
  const Result<std::string> to = readMailbox(in);
  in.end();
  if (in.failed()) co_return badSyntax(in);
  if (!from) co_return answerTo(from.error());
  if (!to) co_return answerTo(to.error());
  const Result<void> renamed = co_await account_->renameMailbox(*from, *to);
  if (!renamed) co_return answerTo(renamed.error());
  if (selected_) selected_->changed = true;  // INBOX loses its messages by it
  co_return Reply::ok("Renamed");
}

}  // namespace ostler::imap
