#include "queued/spool/queue.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/ipc/wire.h"

namespace ostler::spool {

std::shared_ptr<const std::string> Queue::shared(const std::string& reply) {
  if (reply.empty()) return nullptr;
  if (!lastShared_ || *lastShared_ != reply) lastShared_ = std::make_shared<const std::string>(reply);
  return lastShared_;
}

void Queue::count(const Message& message) {
  ++liveBySegment_[message.record.segment];
  octets_ += message.size;
  if (!message.large) journalOctets_ += message.size;
}

void Queue::discount(const Message& message) {
  if (--liveBySegment_[message.record.segment] == 0) liveBySegment_.erase(message.record.segment);
  octets_ -= message.size;
  if (!message.large) journalOctets_ -= message.size;
}

Message& Queue::restore(Message message) {
  const auto [place, isNew] = messages_.try_emplace(message.id);
  if (!isNew) {
    discount(place->second);
    dropFresh(place->second);
  }
  place->second = std::move(message);
  count(place->second);
  return place->second;
}

Message& Queue::insert(const MessageRecord& record, std::string packed, journal::Position at, journal::Position content) {
  changed_.insert(record.id);
  Message message;
  message.id = record.id;
  message.record = at;
  message.contentOffset = content.offset;
  message.arrived = record.arrived;
  message.size = record.size;
  message.packed = std::make_unique<const std::string>(std::move(packed));
  message.hold = record.hold;
  message.large = record.large;
  message.delayTold = record.delayTold;
  message.override = makeOverride(record.expiresAt, record.movedTo);
  if (record.handling.by == ipc::Handling::By::giveBack) message.giveBackAt = record.handling.deliverBy;
  message.recipients.resize(record.recipients.size());
  for (std::size_t at2 = 0; at2 < record.recipients.size(); ++at2) {
    const RecipientRecord& from = record.recipients[at2];
    RecipientNow& to = message.recipients[at2];
    to.due = from.due;
    to.attempts = from.attempts;
    to.state = from.state;
    to.lastReply = shared(from.lastReply);
  }
  return restore(std::move(message));
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

Hold Queue::laidOn(std::string_view prefix, std::string_view what) const {
  if (destinations_.empty()) return Hold::none;
  const auto found = destinations_.find(std::string(prefix) + asciiLower(what));
  return found == destinations_.end() ? Hold::none : found->second;
}

Message* Queue::find(const Id128& id) {
  const auto found = messages_.find(id);
  return found == messages_.end() ? nullptr : &found->second;
}

Result<MessageRecord> Queue::read(const Message& message) const {
  const bool isElsewhere = !message.packed && archive_ != nullptr;
  const std::string stored = isElsewhere ? archive_->packedOf(message.id) : std::string();
  Result<MessageRecord> record = ipc::decode<MessageRecord>(message.packed ? *message.packed : stored);
  if (!record) return record;
  takeOver(message, *record);
  return record;
}

MessageRecord Queue::unpack(const Message& message) const {
  MessageRecord record = read(message).value_or(MessageRecord{});
  takeOver(message, record);
  return record;
}

void Queue::takeOver(const Message& message, MessageRecord& record) {
  record.id = message.id;
  record.hold = message.hold;
  record.delayTold = message.delayTold;
  record.expiresAt = message.override ? message.override->expiresAt : WallTime{};
  record.movedTo = message.override ? message.override->movedTo : std::string();
  record.recipients.resize(message.recipients.size());
  for (std::size_t at = 0; at < message.recipients.size(); ++at) {
    const RecipientNow& from = message.recipients[at];
    RecipientRecord& to = record.recipients[at];
    to.state = from.state;
    to.attempts = from.attempts;
    to.due = from.due;
    to.lastReply = from.lastReply ? *from.lastReply : std::string();
  }
}

void Queue::keepTranscript(const Id128& id, Transcript transcript) {
  if (!messages_.contains(id)) return;
  std::vector<Transcript>& lately = transcripts_[id];
  if (lately.size() == Transcript::kKept) lately.erase(lately.begin());
  lately.push_back(std::move(transcript));
  changed_.insert(id);
}

std::vector<Transcript> Queue::transcriptsOf(const Id128& id) const {
  std::vector<Transcript> all = archive_ != nullptr ? archive_->transcriptsOf(id) : std::vector<Transcript>();
  for (const auto* lately : {&takenTranscripts_, &transcripts_}) {
    const auto found = lately->find(id);
    if (found != lately->end()) all.insert(all.end(), found->second.begin(), found->second.end());
  }
  if (all.size() > Transcript::kKept) all.erase(all.begin(), all.end() - Transcript::kKept);
  return all;
}

void Queue::stored() {
  takenTranscripts_.clear();
  for (const Id128& id : taken_) {
    Message* message = find(id);
    if (message != nullptr && !changed_.contains(id)) message->packed.reset();
  }
  taken_.clear();
}

namespace {

/// Longer ones share their place; who looks there looks again at each message.
constexpr std::size_t kFiledMost = 300;

std::string filed(char kind, std::string_view what) { return kind + asciiLower(what.substr(0, kFiledMost)); }

}  // namespace

std::string filedByDomain(std::string_view domain) { return filed('d', domain); }
std::string filedBySender(std::string_view reversePath) { return filed('s', reversePath); }

std::vector<std::string> filedUnder(const MessageRecord& record) {
  std::vector<std::string> all = {filedBySender(record.reversePath)};
  for (const RecipientRecord& recipient : record.recipients) {
    const std::string_view path = recipient.recipient.forwardPath;
    const std::size_t at = path.rfind('@');
    all.push_back(filedByDomain(at == std::string_view::npos ? std::string_view() : path.substr(at + 1)));
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::vector<Id128> Queue::idsAfter(const Id128& after, std::size_t most, const std::string& of) const {
  std::vector<Id128> ids = archive_ != nullptr ? archive_->idsAfter(after, most, of) : std::vector<Id128>();
  // Beyond the last one that was given there may be more; what is new there comes with them.
  const bool isAll = ids.size() < most;
  const Id128 last = ids.empty() ? after : ids.back();
  const auto add = [&](const Id128& id) {
    if (id > after && (isAll || id < last)) ids.push_back(id);
  };
  if (archive_ != nullptr) {
    for (const Id128& id : changed_) add(id);
    for (const Id128& id : taken_) add(id);
  } else {
    for (const auto& [id, message] : messages_) add(id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  if (ids.size() > most) ids.resize(most);
  return ids;
}

void Queue::moved(const Id128& id, std::string packed, journal::Position at, journal::Position content) {
  Message* message = find(id);
  if (message == nullptr) return;
  discount(*message);
  const Result<MessageRecord> record = ipc::decode<MessageRecord>(packed);
  message->record = at;
  message->contentOffset = content.offset;
  count(*message);
  // An alias expanded meanwhile has recipients that the moved record does not know yet; they are in an expansion record behind it.
  if (record && record->recipients.size() == message->recipients.size()) {
    message->packed = std::make_unique<const std::string>(std::move(packed));
  }
  changed_.insert(id);
}

void Queue::erase(Message& message) {
  const Id128 id = message.id;
  discount(message);
  changed_.insert(id);
  if (recent_.insert(id).second) recentOrder_.push_back(id);
  dropFresh(message);
  transcripts_.erase(id);
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
  message.packed = std::make_unique<const std::string>(ipc::encode(record));
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
    case MarkRecord::Kind::expiry:
      message.override = makeOverride(mark.due, message.override ? message.override->movedTo : std::string());
      break;
    case MarkRecord::Kind::moved:
      message.override = makeOverride(message.override ? message.override->expiresAt : WallTime{}, mark.to);
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
      if (lastMessage != nullptr) lastMessage->contentOffset = raw.at.offset;
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
