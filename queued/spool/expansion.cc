// expansion.cc - the Dispatcher's way through aliases and forwarded domains: what they add becomes recipients of the message.
// RFC 5321 3.9, RFC 3461 5.2.7.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"
#include "queued/spool/dispatcher.h"

namespace ostler::spool {

namespace {

using message::DsnAction;

/// From one alias to the next; more than anybody needs.
constexpr std::size_t kStepsMost = 50;

/// Does the recipient lead to anybody, without what one of them, `except`, leads to? Children stand behind their parents.
bool isReached(const MessageRecord& record, std::uint32_t recipient, std::uint32_t except) {
  if (recipient == except) return false;
  if (record.recipients[recipient].state != RecipientState::expanded) return true;
  for (auto child = recipient + 1; child < record.recipients.size(); ++child) {
    if (record.recipients[child].parent == recipient && isReached(record, child, except)) return true;
  }
  return false;
}

/// Is the target one of those that led here, or are they too many?
bool leadsBack(const MessageRecord& record, std::uint32_t recipient, const std::string& target) {
  std::size_t steps = 0;
  for (std::uint32_t at = recipient; at < record.recipients.size(); at = record.recipients[at].parent) {
    if (isSameAddress(record.recipients[at].recipient.forwardPath, target) || ++steps > kStepsMost) return true;
  }
  return false;
}

/// The message's recipients by their addresses: a list may have as many members as there are recipients.
class Named {
 public:
  explicit Named(const MessageRecord& record) : record_(record) {
    for (std::uint32_t at = 0; at < record.recipients.size(); ++at) places_.emplace(comparableAddress(record.recipients[at].recipient.forwardPath), at);
  }
  /// Does the target get the message already, and not by this recipient?
  [[nodiscard]] bool isThere(const std::string& target, std::uint32_t recipient) const {
    const auto [first, last] = places_.equal_range(target);
    return std::any_of(first, last, [&](const auto& named) { return isReached(record_, named.second, recipient); });
  }

 private:
  const MessageRecord& record_;
  std::unordered_multimap<std::string, std::uint32_t> places_;
};

}  // namespace

/// What an alias adds outside our mailboxes becomes recipients of its own, before any of it is sent: a restart does not expand it
/// again, so that nobody gets it twice.
void Dispatcher::expand(const Id128& id, std::uint32_t recipient, const route::Route& route) {
  Message* message = env_.queue.find(id);
  if (message == nullptr) return;
  const Result<MessageRecord> readable = env_.queue.read(*message);  // as it stands after this turn's other expansions
  if (!readable) {
    message->recipients[recipient].inFlight = false;
    return wakeWhenReadable(id);
  }
  const MessageRecord& record = *readable;
  ExpansionRecord expansion;
  expansion.id = id;
  expansion.recipient = recipient;
  expansion.first = static_cast<std::uint32_t>(record.recipients.size());
  expansion.hasMailboxes = !route.locals.empty();
  const bool isDone = std::any_of(record.recipients.begin(), record.recipients.end(), [&](const RecipientRecord& other) { return other.parent == recipient; });
  if (isDone && expansion.hasMailboxes) return;  // in an earlier attempt; its mailboxes have another
  std::size_t circles = 0;
  const Named named(record);
  std::unordered_set<std::string> added;
  for (const std::string& target : route.expansion) {
    const std::string folded = comparableAddress(target);
    if (isDone || named.isThere(folded, recipient) || !added.insert(folded).second) continue;
    if (leadsBack(record, recipient, target)) {
      ++circles;
    } else {
      expansion.targets.push_back(target);
    }
  }
  if (circles > 0 && circles == route.expansion.size() && !expansion.hasMailboxes) {
    return refuse(id, recipient, {554, "5.4.6", "Where this address is forwarded to leads back to it"});
  }
  env_.note(expansion);
  if (!isDone) tellExpanded(record, expansion);
  env_.scheduler.wakeAt(env_.now(), id);
  scheduleChanged_.set();
}

/// RFC 3461 5.2.7.3: an alias with several targets is told of as expanded, and they report no success of their own.
void Dispatcher::tellExpanded(const MessageRecord& about, const ExpansionRecord& expansion) {
  const bool isList = expansion.targets.size() + (expansion.hasMailboxes ? 1 : 0) > 1;
  const bool isAsked = report::isWanted(about.recipients[expansion.recipient].recipient, DsnAction::expanded);
  if (!isList || !isAsked || about.reversePath.empty()) return;
  report::Ending ending;
  ending.recipient = expansion.recipient;
  ending.action = DsnAction::expanded;
  ending.reply = {250, "2.1.5", "Delivered to a list"};
  OutcomeRecord nothing;
  nothing.id = about.id;
  const auto facts = std::make_shared<const Fresh>(Fresh{about, nullptr});
  std::vector<report::Ending> endings;
  endings.push_back(std::move(ending));
  scope_.spawn(settleWithReport(about.id, facts, std::move(nothing), std::move(endings)));
}

}  // namespace ostler::spool
