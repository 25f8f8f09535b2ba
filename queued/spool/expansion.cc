// expansion.cc - the Dispatcher's way through aliases and forwarded domains: what they add becomes recipients of the message.
// RFC 5321 3.9, RFC 3461 5.2.7.
#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <unordered_set>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"
#include "libmailcore/ipc/wire.h"
#include "queued/spool/dispatcher.h"

namespace ostler::spool {

namespace {

using message::DsnAction;

/// From one alias to the next; more than anybody needs.
constexpr std::size_t kStepsMost = 50;

/// A message's recipients by their addresses and by what they came from, as expansions add to them: a list may have as many members as
/// there are recipients, and each of these may be an alias.
class Family {
 public:
  explicit Family(MessageRecord record) : record_(std::move(record)) { takeIn(0); }

  [[nodiscard]] const MessageRecord& record() const { return record_; }
  [[nodiscard]] MessageRecord takeRecord() { return std::move(record_); }
  [[nodiscard]] bool hasChildren(std::uint32_t recipient) const { return firstChild_[recipient] != RecipientRecord::kNoParent; }
  /// Does the target, a distinctPath(), get the message already, and not by this recipient?
  [[nodiscard]] bool isThere(const std::string& target, std::uint32_t recipient) const {
    const auto [first, last] = places_.equal_range(std::hash<std::string>{}(target));
    return std::any_of(first, last, [&](const auto& named) {
      return distinctPath(record_.recipients[named.second].recipient.forwardPath) == target && isReached(named.second, recipient);
    });
  }
  /// Is the target one of those that led here, or are they too many?
  [[nodiscard]] bool leadsBack(std::uint32_t recipient, const std::string& target) const {
    std::size_t steps = 0;
    for (std::uint32_t at = recipient; at < record_.recipients.size(); at = record_.recipients[at].parent) {
      if (isSameAddress(record_.recipients[at].recipient.forwardPath, target) || ++steps > kStepsMost) return true;
    }
    return false;
  }
  /// So many are about to be added.
  void expect(std::size_t more) { record_.recipients.reserve(record_.recipients.size() + more); }
  void add(const ExpansionRecord& expansion) {
    grow(record_, expansion);
    takeIn(expansion.first);
  }

 private:
  void takeIn(std::size_t from) {
    firstChild_.resize(record_.recipients.size(), RecipientRecord::kNoParent);
    nextSibling_.resize(record_.recipients.size(), RecipientRecord::kNoParent);
    for (std::size_t place = from; place < record_.recipients.size(); ++place) {
      const auto at = static_cast<std::uint32_t>(place);
      const RecipientRecord& recipient = record_.recipients[at];
      places_.emplace(std::hash<std::string>{}(distinctPath(recipient.recipient.forwardPath)), at);
      if (recipient.parent < at) nextSibling_[at] = std::exchange(firstChild_[recipient.parent], at);
    }
  }
  /// Does the recipient lead to anybody, without what one of them, `except`, leads to?
  [[nodiscard]] bool isReached(std::uint32_t recipient, std::uint32_t except) const {
    if (recipient == except) return false;
    if (record_.recipients[recipient].state != RecipientState::expanded) return true;
    for (std::uint32_t child = firstChild_[recipient]; child != RecipientRecord::kNoParent; child = nextSibling_[child]) {
      if (isReached(child, except)) return true;
    }
    return false;
  }

  MessageRecord record_;
  std::unordered_multimap<std::size_t, std::uint32_t> places_;  ///< by the hash of distinctPath()
  std::vector<std::uint32_t> firstChild_;
  std::vector<std::uint32_t> nextSibling_;
};

struct Added {
  enum class What {
    nothing,  ///< it was added in an earlier attempt; mailboxes of the alias have another
    targets,
    circle,  ///< all of it leads back
  } what = What::nothing;
  ExpansionRecord record;
};

Added addedBy(const Family& family, std::uint32_t recipient, const route::Route& route) {
  Added added{Added::What::targets, {}};
  added.record.id = family.record().id;
  added.record.recipient = recipient;
  added.record.first = static_cast<std::uint32_t>(family.record().recipients.size());
  added.record.hasMailboxes = !route.locals.empty();
  const bool isDone = family.hasChildren(recipient);
  if (isDone && added.record.hasMailboxes) return {};
  std::size_t circles = 0;
  std::unordered_set<std::string> named;
  for (const std::string& target : route.expansion) {
    std::string path = distinctPath(target);
    if (isDone || family.isThere(path, recipient) || !named.insert(std::move(path)).second) continue;
    if (family.leadsBack(recipient, target)) {
      ++circles;
    } else {
      added.record.targets.push_back(target);
    }
  }
  const bool isCircle = circles > 0 && circles == route.expansion.size() && !added.record.hasMailboxes;
  if (isCircle) added.what = Added::What::circle;
  return added;
}

/// RFC 3461 5.2.7.3: an alias with several targets is told of as expanded, and they report no success of their own.
bool isTold(const MessageRecord& about, const ExpansionRecord& expansion) {
  const bool isList = expansion.targets.size() + (expansion.hasMailboxes ? 1 : 0) > 1;
  return isList && !about.reversePath.empty() && report::isWanted(about.recipients[expansion.recipient].recipient, DsnAction::expanded);
}

}  // namespace

/// What aliases add outside our mailboxes becomes recipients of its own, before any of it is sent: a restart does not expand them
/// again, so that nobody gets it twice.
void Dispatcher::expand(const Id128& id, std::vector<Expanding> together) {
  Message* message = env_.queue.find(id);
  if (message == nullptr) return;
  const auto kept = longEnvelopes_.find(id);
  if (kept != longEnvelopes_.end()) kept->second.facts.reset();  // it is read anew, and may be large
  Result<MessageRecord> readable = env_.queue.read(*message);
  if (!readable) {
    if (kept != longEnvelopes_.end()) longEnvelopes_.erase(kept);
    for (const Expanding& one : together) message->recipients[one.recipient].inFlight = false;
    return wakeWhenReadable(id);
  }
  Family family(std::move(*readable));
  std::size_t most = 0;
  for (const Expanding& one : together) most += one.route.expansion.size();
  family.expect(most);
  std::vector<ExpansionRecord> expansions;
  std::vector<report::Ending> endings;
  std::vector<const Expanding*> toMailboxes;
  for (const Expanding& one : together) {
    Added added = addedBy(family, one.recipient, one.route);
    if (added.what == Added::What::nothing) {
      toMailboxes.push_back(&one);
      continue;
    }
    if (added.what == Added::What::circle) {
      refuse(id, one.recipient, {554, "5.4.6", "Where this address is forwarded to leads back to it"});
      continue;
    }
    // It must fit into a segment of the journal, and would be tried for ever.
    if (ipc::encode(added.record).size() > env_.config->queue.segmentSize.octets / 2) {
      refuse(id, one.recipient, {554, "5.2.4", "The address leads to more than one message can go to"});
      continue;
    }
    if (!added.record.targets.empty() && isTold(family.record(), added.record)) {
      report::Ending& ending = endings.emplace_back();
      ending.recipient = one.recipient;
      ending.action = DsnAction::expanded;
      ending.reply = {250, "2.1.5", "Delivered to a list"};
    }
    if (added.record.hasMailboxes) toMailboxes.push_back(&one);
    family.add(added.record);
    expansions.push_back(std::move(added.record));
  }
  env_.note(expansions, family.record());
  const auto facts = std::make_shared<const Fresh>(Fresh{family.takeRecord(), nullptr});
  if (const auto still = longEnvelopes_.find(id); still != longEnvelopes_.end()) still->second.facts = facts;
  if (!endings.empty()) {
    OutcomeRecord nothing;
    nothing.id = id;
    scope_.spawn(settleWithReport(id, facts, std::move(nothing), std::move(endings)));
  }
  message = env_.queue.find(id);
  const Facts now = message != nullptr && message->extra().fresh ? message->extra().fresh : facts;
  for (const Expanding* one : toMailboxes) deliverLocally(id, now, one->recipient, one->route);
  env_.scheduler.wakeAt(env_.now(), id);
  scheduleChanged_.set();
}

}  // namespace ostler::spool
