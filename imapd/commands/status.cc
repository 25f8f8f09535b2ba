// STATUS mailbox (items). RFC 9051 6.3.11. Constant time whatever the mailbox's size.
#include <algorithm>

#include "imapd/grammar/write.h"
#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::status(Invocation call) {
  Reader& in = call.in;
  in.space();
  const Result<std::string> name = readMailbox(in);
  in.space();
  const std::vector<StatusItem> items = readStatusItems(in);
  in.end();
  if (in.failed()) co_return badSyntax(in);
  if (!name) co_return answerTo(name.error());
  const Result<store::MailboxInfo> mailbox = co_await account_->mailbox(*name);
  if (!mailbox) co_return answerTo(mailbox.error());
  if (std::find(items.begin(), items.end(), StatusItem::highestModSeq) != items.end()) enableCondStore();
  std::string out;
  appendStatus(out, *mailbox, items);
  write(out);
  co_return Reply::ok("Status completed");
}

void Session::appendStatus(std::string& out, const store::MailboxInfo& mailbox,
                           const std::vector<StatusItem>& items) const {
  out += "* STATUS ";
  appendMailboxName(out, mailbox.name, nameForm());
  out += " (";
  for (const StatusItem item : items) {
    if (!out.ends_with('(')) out += ' ';
    out += statusItemName(item);
    out += ' ';
    switch (item) {
      case StatusItem::messages:
        appendNumber(out, mailbox.messages);
        break;
      case StatusItem::recent:
        appendNumber(out, 0);
        break;
      case StatusItem::uidNext:
        appendNumber(out, mailbox.uidNext);
        break;
      case StatusItem::uidValidity:
        appendNumber(out, mailbox.uidValidity);
        break;
      case StatusItem::unseen:
        appendNumber(out, mailbox.unseen);
        break;
      case StatusItem::deleted:
        appendNumber(out, mailbox.deleted);
        break;
      case StatusItem::size:
        appendNumber(out, mailbox.octets);
        break;
      case StatusItem::highestModSeq:
        appendNumber(out, mailbox.highestModSeq);
        break;
      case StatusItem::mailboxId:
        out += '(';
        appendObjectId(out, 'F', mailbox.id);
        out += ')';
        break;
      case StatusItem::appendLimit:
        appendNumber(out, appendLimit());
        break;
    }
  }
  out += ")\r\n";
}

}  // namespace ostler::imap
