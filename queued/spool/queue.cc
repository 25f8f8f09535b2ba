#include "queued/spool/queue.h"

#include "libmailcore/ipc/wire.h"

namespace ostler::spool {

std::shared_ptr<const std::string> Queue::shared(const std::string& reply) {
  if (reply.empty()) return nullptr;
  if (!lastShared_ || *lastShared_ != reply) lastShared_ = std::make_shared<const std::string>(reply);
  return lastShared_;
}

Message& Queue::restore(const MessageRecord& record, std::string packed, journal::Position at, journal::Position content) {
  const auto [place, isNew] = messages_.try_emplace(record.id);
  Message& message = place->second;
  if (!isNew) {
    if (--liveBySegment_[message.record.segment] == 0) liveBySegment_.erase(message.record.segment);
  }
  ++liveBySegment_[at.segment];
  message.id = record.id;
  message.record = at;
  message.content = content;
  message.arrived = record.arrived;
  message.size = record.size;
  message.packed = std::move(packed);
  message.hold = record.hold;
  message.large = record.large;
  message.delayTold = record.delayTold;
  message.recipients.resize(record.recipients.size());
  for (std::size_t at2 = 0; at2 < record.recipients.size(); ++at2) {
    const RecipientRecord& from = record.recipients[at2];
    RecipientNow& to = message.recipients[at2];
    to.due = from.due;
    to.attempts = from.attempts;
    to.state = from.state;
    to.lastReply = shared(from.lastReply);
  }
  return message;
}

Message& Queue::insert(const MessageRecord& record, std::string packed, journal::Position at, journal::Position content) {
  changed_.insert(record.id);
  return restore(record, std::move(packed), at, content);
}

Message& Queue::insertFresh(std::shared_ptr<const Fresh> fresh, std::string packed, journal::Position at,
                            journal::Position content) {
  Message& message = insert(fresh->record, std::move(packed), at, content);
  freshOctets_ += fresh->content ? fresh->content->size() : 0;
  message.fresh = std::move(fresh);
  return message;
}

void Queue::dropFresh(Message& message) {
  if (!message.fresh) return;
  if (message.fresh->content) freshOctets_ -= message.fresh->content->size();
  message.fresh.reset();
}

Message* Queue::find(const Id128& id) {
  const auto found = messages_.find(id);
  return found == messages_.end() ? nullptr : &found->second;
}

MessageRecord Queue::unpack(const Message& message) {
  // What was encoded here decodes here; a record that does not is a bug, and an empty one is its harmless form.
  MessageRecord record = ipc::decode<MessageRecord>(message.packed).value_or(MessageRecord{});
  record.id = message.id;
  record.hold = message.hold;
  record.delayTold = message.delayTold;
  record.recipients.resize(message.recipients.size());
  for (std::size_t at = 0; at < message.recipients.size(); ++at) {
    const RecipientNow& from = message.recipients[at];
    RecipientRecord& to = record.recipients[at];
    to.state = from.state;
    to.attempts = from.attempts;
    to.due = from.due;
    to.lastReply = from.lastReply ? *from.lastReply : std::string();
  }
  return record;
}

void Queue::moved(const Id128& id, std::string packed, journal::Position at, journal::Position content) {
  Message* message = find(id);
  if (message == nullptr) return;
  if (--liveBySegment_[message->record.segment] == 0) liveBySegment_.erase(message->record.segment);
  ++liveBySegment_[at.segment];
  const Result<MessageRecord> record = ipc::decode<MessageRecord>(packed);
  message->record = at;
  message->content = content;
  // An alias expanded meanwhile has recipients that the moved record does not know yet; they are in an expansion record behind it.
  if (record && record->recipients.size() == message->recipients.size()) message->packed = std::move(packed);
  changed_.insert(id);
}

void Queue::erase(Message& message) {
  const Id128 id = message.id;
  if (--liveBySegment_[message.record.segment] == 0) liveBySegment_.erase(message.record.segment);
  changed_.insert(id);
  if (recent_.insert(id).second) recentOrder_.push_back(id);
  dropFresh(message);
  messages_.erase(id);
}

void Queue::endIfFinished(Message& message) {
  if (message.finished() && (message.removed || !message.anyInFlight())) erase(message);
}

void Queue::forgetEnded(std::size_t keep) {
  while (recentOrder_.size() > keep) {
    recent_.erase(recentOrder_.front());
    recentOrder_.pop_front();
  }
}

void Queue::applyTo(Message& message, const OutcomeRecord& outcome) {
  if (outcome.delayTold) message.delayTold = true;
  for (const OutcomeRecord::Entry& entry : outcome.entries) {
    if (entry.recipient >= message.recipients.size()) continue;
    RecipientNow& recipient = message.recipients[entry.recipient];
    recipient.state = entry.state;
    recipient.attempts = entry.attempts;
    recipient.due = entry.due;
    recipient.lastReply = shared(entry.lastReply);
    recipient.inFlight = false;
    recipient.waiting = false;
  }
  changed_.insert(message.id);
  endIfFinished(message);
}

void Queue::applyTo(Message& message, const ExpansionRecord& expansion) {
  const bool isNext = expansion.first == message.recipients.size();
  if (expansion.recipient >= message.recipients.size() || !isNext) return;  // applied before
  MessageRecord record = unpack(message);
  const RecipientRecord parent = record.recipients[expansion.recipient];
  for (const std::string& target : expansion.targets) {
    RecipientRecord child;
    child.recipient = parent.recipient;
    child.recipient.forwardPath = target;
    // RFC 3461 5.2.7: reports of what an alias leads to name the address that the sender wrote.
    if (child.recipient.orcpt.empty()) child.recipient.orcpt = "rfc822;" + parent.recipient.forwardPath;
    child.parent = expansion.recipient;
    record.recipients.push_back(std::move(child));
  }
  message.packed = ipc::encode(record);
  if (!expansion.hasMailboxes) {
    message.recipients[expansion.recipient].state = RecipientState::expanded;
    message.recipients[expansion.recipient].inFlight = false;
  }
  message.recipients.resize(record.recipients.size());
  if (message.fresh) message.fresh = std::make_shared<const Fresh>(Fresh{record, message.fresh->content});
  changed_.insert(message.id);
  endIfFinished(message);
}

void Queue::applyTo(Message& message, const MarkRecord& mark) {
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
  }
  changed_.insert(message.id);
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
      if (lastMessage != nullptr) lastMessage->content = raw.at;
      continue;
    }
    lastMessage = nullptr;
    const Result<AnyRecord> record = decodeRecord(raw.type, raw.content);
    if (!record) {
      outcome = fail(record.error());
    } else if (const auto* message = std::get_if<MessageRecord>(&*record)) {
      if (!message->origin.taken.empty()) takenSeen_.insert(message->origin.taken);
      lastMessage = &insert(*message, std::string(raw.content), raw.at, {});
    } else {
      apply(*record);
    }
  }
  return outcome;
}

}  // namespace ostler::spool
