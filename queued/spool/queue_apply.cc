// queue_apply.cc - what each record of the journal does to the queue: as it is noted, and again when it is replayed.
#include "libmailcore/ipc/wire.h"
#include "queued/spool/queue.h"

namespace ostler::spool {

void Queue::applyTo(Message& message, const OutcomeRecord& outcome) {
  discount(message);
  if (outcome.delayTold) message.delayTold = true;
  for (const OutcomeRecord::Entry& entry : outcome.entries) {
    if (entry.recipient >= message.recipients.size()) continue;
    RecipientNow& recipient = message.recipients[entry.recipient];
    recipient.state = entry.state;
    recipient.attempts = entry.attempts;
    recipient.due = entry.due;
    recipient.lastReply = std::make_unique<const std::string>(entry.lastReply);
    recipient.hasReplyStored = false;
    recipient.inFlight = recipient.settles = false;
    recipient.line = 0;
  }
  count(message);
  noteChange(message.id);
  endIfFinished(message);
}

void Queue::apply(std::span<const ExpansionRecord> expansions) {
  Message* const message = expansions.empty() ? nullptr : find(expansions.front().id);
  if (message == nullptr) return;
  const auto isNext = [](const ExpansionRecord& one, std::size_t count) { return one.first == count && one.recipient < count; };
  while (!expansions.empty() && !isNext(expansions.front(), message->recipients.size())) expansions = expansions.subspan(1);  // applied before
  if (expansions.empty()) return;
  Result<MessageRecord> record = read(*message);
  if (!record) return;  // the children's addresses could not be kept: their aliases are expanded again
  std::size_t count = 0;
  for (; count < expansions.size() && isNext(expansions[count], record->recipients.size()); ++count) grow(*record, expansions[count]);
  apply(expansions.first(count), *record);
}

void Queue::apply(std::span<const ExpansionRecord> expansions, const MessageRecord& grown) {
  Message* const message = find(grown.id);
  if (message == nullptr || expansions.empty()) return;
  discount(*message);
  Extra& extra = message->changeExtra();
  extra.packed = {};  // before there is another one, for it may be large
  extra.packed = ipc::encode(grown);
  extra.packed.shrink_to_fit();
  message->grown = true;
  message->recipients.growTo(grown.recipients.size());
  for (const ExpansionRecord& expansion : expansions) {
    if (expansion.hasMailboxes) continue;
    message->recipients[expansion.recipient].state = RecipientState::expanded;
    message->recipients[expansion.recipient].inFlight = false;
  }
  count(*message);
  if (message->recipients.size() > kFreshRecipients) dropFresh(*message);
  if (extra.fresh) extra.fresh = std::make_shared<const Fresh>(Fresh{grown, extra.fresh->content});
  noteChange(message->id);
  endIfFinished(*message);
}

void Queue::applyTo(Message& message, const MarkRecord& mark) {
  discount(message);
  switch (mark.kind) {
    case MarkRecord::Kind::hold: message.hold = mark.hold; break;
    case MarkRecord::Kind::due:
      for (RecipientNow& recipient : message.recipients) {
        if (recipient.state == RecipientState::pending) recipient.due = mark.due;
      }
      break;
    case MarkRecord::Kind::removed:
      for (RecipientNow& recipient : message.recipients) {
        if (recipient.state == RecipientState::pending) recipient.state = RecipientState::removed;
      }
      message.removed = true;
      break;
    case MarkRecord::Kind::expiry: message.changeExtra().expiresAt = mark.due; break;
    case MarkRecord::Kind::moved: message.changeExtra().movedTo = mark.to; break;
  }
  message.tidy();
  count(message);
  noteChange(message.id);
  endIfFinished(message);
}

void Queue::apply(const AnyRecord& any) {
  if (const auto* delivered = std::get_if<DeliveredRecord>(&any)) {
    for (const Id128& id : delivered->ids) {
      if (Message* message = find(id)) erase(*message);
    }
  } else if (const auto* outcome = std::get_if<OutcomeRecord>(&any)) {
    if (Message* message = find(outcome->id)) applyTo(*message, *outcome);
  } else if (const auto* expansion = std::get_if<ExpansionRecord>(&any)) {
    apply(std::span(expansion, 1));
  } else if (const auto* mark = std::get_if<MarkRecord>(&any)) {
    if (Message* message = find(mark->id)) applyTo(*message, *mark);
  } else if (const auto* destination = std::get_if<DestinationRecord>(&any)) {
    if (destination->hold == Hold::none) {
      destinations_.erase(destination->key);
    } else {
      destinations_[destination->key] = destination->hold;
    }
  }
}

Result<void> Queue::replay(const journal::Batch& batch) {
  Result<void> outcome;
  Message* lastMessage = nullptr;
  std::vector<ExpansionRecord> expansions;  // of one message, one behind the other
  const auto applyExpansions = [&] { apply(std::exchange(expansions, {})); };
  for (const journal::Record& raw : batch.records) {
    if (raw.type == static_cast<std::uint16_t>(RecordType::content)) {
      if (lastMessage != nullptr) lastMessage->contentOffset = static_cast<std::uint32_t>(raw.at.offset);
      continue;
    }
    lastMessage = nullptr;
    Result<AnyRecord> record = decodeRecord(raw.type, raw.content);
    auto* const expansion = record ? std::get_if<ExpansionRecord>(&*record) : nullptr;
    if (!expansions.empty() && (expansion == nullptr || expansion->id != expansions.front().id)) applyExpansions();
    if (expansion != nullptr) {
      expansions.push_back(std::move(*expansion));
    } else if (!record) {
      outcome = fail(record.error());
    } else if (const auto* message = std::get_if<MessageRecord>(&*record)) {
      if (!message->origin.taken.empty()) takenSeen_.insert(message->origin.taken);
      // What lies behind the index is as much as came in seconds: the journal keeps it, not memory.
      lastMessage = &insert(*message, recordsAt_ ? std::string() : std::string(raw.content), raw.at, {});
      lastMessage->unfiled = recordsAt_ != nullptr;
    } else {
      apply(*record);
    }
  }
  applyExpansions();
  return outcome;
}

}  // namespace ostler::spool
