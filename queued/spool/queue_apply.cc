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

void Queue::applyTo(Message& message, const ExpansionRecord& expansion) {
  const bool isNext = expansion.first == message.recipients.size();
  if (expansion.recipient >= message.recipients.size() || !isNext) return;  // applied before
  Result<MessageRecord> readable = read(message);
  if (!readable) return;  // the children's addresses could not be kept: its alias is expanded again
  MessageRecord& record = *readable;
  const RecipientRecord parent = record.recipients[expansion.recipient];
  for (const std::string& target : expansion.targets) {
    RecipientRecord child;
    child.recipient = parent.recipient;
    child.recipient.forwardPath = target;
    // RFC 3461 5.2.7: reports of what an alias leads to name the address that the sender wrote.
    if (child.recipient.orcpt.empty()) child.recipient.orcpt = "rfc822;" + parent.recipient.forwardPath;
    child.parent = expansion.recipient;
    const bool isList = expansion.targets.size() + (expansion.hasMailboxes ? 1 : 0) > 1;
    // RFC 3461 5.2.7.3: the sender hears "expanded", and of failures.
    if (isList) child.recipient.notify &= static_cast<std::uint8_t>(~ipc::Recipient::kNotifySuccess);
    record.recipients.push_back(std::move(child));
  }
  discount(message);
  Extra& extra = message.changeExtra();
  extra.packed = ipc::encode(record);
  if (!expansion.hasMailboxes) {
    message.recipients[expansion.recipient].state = RecipientState::expanded;
    message.recipients[expansion.recipient].inFlight = false;
  }
  message.grown = true;
  message.recipients.growTo(record.recipients.size());
  if (extra.fresh) extra.fresh = std::make_shared<const Fresh>(Fresh{record, extra.fresh->content});
  count(message);
  noteChange(message.id);
  endIfFinished(message);
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
    if (Message* message = find(expansion->id)) applyTo(*message, *expansion);
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
  for (const journal::Record& raw : batch.records) {
    if (raw.type == static_cast<std::uint16_t>(RecordType::content)) {
      if (lastMessage != nullptr) lastMessage->contentOffset = static_cast<std::uint32_t>(raw.at.offset);
      continue;
    }
    lastMessage = nullptr;
    const Result<AnyRecord> record = decodeRecord(raw.type, raw.content);
    if (!record) {
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
  return outcome;
}

}  // namespace ostler::spool
