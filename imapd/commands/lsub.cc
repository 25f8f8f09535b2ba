// LSUB: the subscriptions, for clients of RFC 3501. RFC 3501 6.3.9.
#include <set>

#include "imapd/grammar/write.h"
#include "imapd/session.h"

namespace ostler::imap {
namespace {

// "%" hides what lies below, so the parent stands for it, as \Noselect: the last paragraph of RFC 3501 6.3.9.
std::string_view shownParent(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('%')) return {};
  for (std::size_t at = name.rfind('/'); at != std::string_view::npos && at > 0; at = name.rfind('/', at - 1)) {
    if (matchesPattern(pattern, name.substr(0, at))) return name.substr(0, at);
  }
  return {};
}

}  // namespace

Task<Reply> Session::lsub(Invocation call) {
  Reader& in = call.in;
  in.space();
  const std::string reference = in.astring();
  in.space();
  const std::string wire = in.listMailbox();
  in.end();
  if (in.failed()) co_return badSyntax(in);
  const Result<std::vector<store::MailboxInfo>> all = co_await account_->mailboxes();
  if (!all) co_return answerTo(all.error());
  const std::string pattern = patternFromWire(reference + wire, nameForm());
  std::set<std::string_view> subscribed;
  std::set<std::string_view> parents;
  for (const store::MailboxInfo& mailbox : *all) {
    if (!mailbox.subscribed) continue;
    if (matchesPattern(pattern, mailbox.name)) {
      subscribed.insert(mailbox.name);
    } else if (const auto parent = shownParent(pattern, mailbox.name); !parent.empty()) {
      parents.insert(parent);
    }
  }
  std::string out;
  for (const std::string_view name : subscribed) {
    out += "* LSUB () \"/\" ";
    appendMailboxName(out, name, nameForm());
    out += "\r\n";
  }
  for (const std::string_view name : parents) {
    if (subscribed.contains(name)) continue;
    out += "* LSUB (\\Noselect) \"/\" ";
    appendMailboxName(out, name, nameForm());
    out += "\r\n";
  }
  write(out);
  co_return Reply::ok("Lsub completed");
}

}  // namespace ostler::imap
