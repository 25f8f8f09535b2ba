// to_many.cc - what becomes of a message to many, one by one, is written down together: whatever is done once for a message looks at all
// of its recipients, so done for each of them it would grow with their square, and its sender would get a report of each.
#include <algorithm>
#include <iterator>

#include "queued/spool/dispatcher.h"

namespace ostler::spool {

namespace {

/// Up to here each is written down by itself.
constexpr std::size_t kFew = 16;
/// What ends within so long goes together. Looking at all recipients costs a hundredth of it, however many they are.
constexpr std::chrono::microseconds kPerRecipient{2};

/// An expansion reads and writes the whole record, and counts what was in it: a tenth of this.
constexpr std::chrono::microseconds kPerExpanding{10};

/// In one record, and in one report: a larger one is no use to anybody, and is held in memory while it is made.
constexpr std::size_t kWrittenAtOnce = 5000;
/// In a record, beside what was said of it.
constexpr std::size_t kEntryOctets = 200;

}  // namespace

/// Null: it is not to many.
Dispatcher::LongEnvelope* Dispatcher::keepEnvelope(const Message& message, const Facts& facts) {
  if (message.recipients.size() <= kFew) return nullptr;
  LongEnvelope& kept = longEnvelopes_[message.id];
  if (kept.facts && kept.facts->record.recipients.size() >= facts->record.recipients.size()) return &kept;
  kept.facts = facts->content ? std::make_shared<const Fresh>(Fresh{facts->record, nullptr}) : facts;
  for (const RecipientNow& recipient : message.recipients) {
    if (recipient.waits()) kept.lines.insert(recipient.line);
  }
  return &kept;
}

void Dispatcher::letGoOfEnvelope(const Message& message) {
  const auto isUnderWay = [](const RecipientNow& recipient) { return recipient.inFlight || recipient.waits(); };
  const auto kept = longEnvelopes_.find(message.id);
  if (kept != longEnvelopes_.end() && std::none_of(message.recipients.begin(), message.recipients.end(), isUnderWay)) longEnvelopes_.erase(kept);
}

void Dispatcher::settleOne(const Id128& id, Outcome outcome) {
  const Message* const message = env_.queue.find(id);
  const std::size_t recipients = message == nullptr ? 0 : message->recipients.size();
  std::vector<Outcome> alone;
  std::vector<Outcome>& outcomes = recipients <= kFew ? alone : together_[id];
  outcomes.push_back(std::move(outcome));
  if (recipients <= kFew) return settle(id, std::move(alone));
  if (outcomes.size() == 1) scope_.spawn(settleTogether(id, recipients * kPerRecipient));
}

Task<void> Dispatcher::settleTogether(Id128 id, std::chrono::microseconds pause) {
  ++running_;
  co_await env_.loop.sleepUntil(Deadline::after(pause));
  endRunning();
  auto outcomes = together_.extract(id);
  settle(id, std::move(outcomes.mapped()));
}

void Dispatcher::expandSoon(const Id128& id, Expanding one) {
  const Message* const message = env_.queue.find(id);
  const std::size_t recipients = message == nullptr ? 0 : message->recipients.size();
  std::vector<Expanding> alone;
  std::vector<Expanding>& together = recipients <= kFew ? alone : expanding_[id];
  together.push_back(std::move(one));
  if (recipients <= kFew) return expand(id, std::move(alone));
  if (together.size() == 1) scope_.spawn(expandTogether(id, recipients * kPerExpanding));
}

Task<void> Dispatcher::expandTogether(Id128 id, std::chrono::microseconds pause) {
  ++running_;
  co_await env_.loop.sleepUntil(Deadline::after(pause));
  endRunning();
  auto together = expanding_.extract(id);
  expand(id, std::move(together.mapped()));
}

/// How many of them, from the first on: at least one. A batch must fit into a segment of the journal, whatever was replied.
std::size_t Dispatcher::countTogether(std::span<const Outcome> outcomes) const {
  const std::uint64_t room = env_.config->queue.segmentSize.octets / 8;
  std::uint64_t octets = 0;
  std::size_t count = 0;
  for (; count < std::min(outcomes.size(), kWrittenAtOnce); ++count) {
    octets += kEntryOctets + std::min(outcomes[count].reply.text.size(), report::kLongestReply) + outcomes[count].by.size();
    if (count > 0 && octets > room) break;
  }
  return count;
}

Task<void> Dispatcher::settlePiecewise(Id128 id, std::vector<Outcome> outcomes) {
  ++running_;
  for (std::size_t at = 0; at < outcomes.size();) {
    const auto first = outcomes.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t count = countTogether(std::span(outcomes).subspan(at));
    at += count;
    settle(id, {std::make_move_iterator(first), std::make_move_iterator(first + static_cast<std::ptrdiff_t>(count))});
    const Result<void> synced = co_await env_.ledger.synced();  // others are let in, and memory is given back
    (void)synced;
  }
  endRunning();
}

}  // namespace ostler::spool
