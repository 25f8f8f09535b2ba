#include "queued/spool/queue.h"

#include <algorithm>
#include <iterator>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/wire.h"

namespace ostler::spool {

namespace {

std::uint64_t pendingOf(const Message& message) {
  std::uint64_t pending = 0;
  for (const RecipientNow& recipient : message.recipients) pending += recipient.state == RecipientState::pending ? 1 : 0;
  return pending;
}

/// Its content, and about what its record takes. An expansion changes neither.
std::uint64_t octetsOf(const Fresh& fresh) { return 1024 + (fresh.content ? fresh.content->size() : 0); }

}  // namespace

void Queue::count(const Message& message) {
  ++liveBySegment_[message.record.segment];
  octets_ += message.size;
  if (!message.large) journalOctets_ += message.size;
  if (message.hold != Hold::none) ++held_;
  pending_ += pendingOf(message);
}

void Queue::discount(const Message& message) {
  if (--liveBySegment_[message.record.segment] == 0) liveBySegment_.erase(message.record.segment);
  octets_ -= message.size;
  if (!message.large) journalOctets_ -= message.size;
  if (message.hold != Hold::none) --held_;
  pending_ -= pendingOf(message);
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
  noteChange(record.id);
  Message message;
  message.id = record.id;
  message.record = at;
  message.contentOffset = static_cast<std::uint32_t>(content.offset);
  message.arrived = record.arrived;
  message.size = record.size;
  message.hold = record.hold;
  message.large = record.large;
  message.delayTold = record.delayTold;
  Extra& extra = message.changeExtra();
  extra.packed = std::move(packed);
  extra.expiresAt = record.expiresAt;
  extra.movedTo = record.movedTo;
  if (record.handling.by == ipc::Handling::By::giveBack) extra.giveBackAt = record.handling.deliverBy;
  message.recipients.growTo(record.recipients.size());
  for (std::size_t place = 0; place < record.recipients.size(); ++place) {
    const RecipientRecord& from = record.recipients[place];
    RecipientNow& to = message.recipients[place];
    to.due = from.due;
    to.attempts = from.attempts;
    to.state = from.state;
    if (!from.lastReply.empty()) to.lastReply = std::make_unique<const std::string>(from.lastReply);
  }
  message.tidy();
  return restore(std::move(message));
}

Message& Queue::insertFresh(std::shared_ptr<const Fresh> fresh, std::string packed, journal::Position at,
                            journal::Position content) {
  Message& message = insert(fresh->record, std::move(packed), at, content);
  if (message.recipients.size() > kFreshRecipients) return message;
  freshOctets_ += octetsOf(*fresh);
  message.changeExtra().fresh = std::move(fresh);
  return message;
}

void Queue::dropFresh(Message& message) {
  const std::shared_ptr<const Fresh> fresh = message.extra().fresh;
  if (!fresh) return;
  freshOctets_ -= octetsOf(*fresh);
  message.changeExtra().fresh.reset();
  message.tidy();
}

Hold Queue::laidOn(std::string_view prefix, std::string_view what) const {
  if (destinations_.empty()) return Hold::none;
  const auto found = destinations_.find(std::string(prefix) + comparableAddress(what));
  return found == destinations_.end() ? Hold::none : found->second;
}

Message* Queue::find(const Id128& id) {
  const auto found = messages_.find(id);
  return found == messages_.end() ? nullptr : &found->second;
}

const Message* Queue::find(const Id128& id) const {
  const auto found = messages_.find(id);
  return found == messages_.end() ? nullptr : &found->second;
}

namespace {

bool hasStoredReply(const Message& message) {
  return std::any_of(message.recipients.begin(), message.recipients.end(), [](const RecipientNow& recipient) { return recipient.hasReplyStored; });
}

/// Does the archive know something of it that memory does not?
bool isInArchive(const Message& message) { return (message.grown && message.extra().packed.empty()) || hasStoredReply(message); }

/// `Record`: MessageRecord or MessageView. What changes of a message is in memory.
template <class Record>
void takeOver(const Message& message, const std::vector<std::string>& replies, Record& record) {
  record.id = message.id;
  record.hold = message.hold;
  record.delayTold = message.delayTold;
  record.expiresAt = message.extra().expiresAt;
  record.movedTo = message.extra().movedTo;
  record.recipients.resize(message.recipients.size());
  for (std::size_t at = 0; at < message.recipients.size(); ++at) {
    const RecipientNow& from = message.recipients[at];
    auto& to = record.recipients[at];
    to.state = from.state;
    to.attempts = from.attempts;
    to.due = from.due;
    to.lastReply = {};
    if (at < replies.size()) to.lastReply = replies[at];
    if (from.lastReply) to.lastReply = *from.lastReply;
  }
}

}  // namespace

void Reading::run() {
  if (!places_.empty()) contents_.emplace(recordsAt_(places_));
  if (!asked_.empty()) stored_ = archive_->read(asked_);
}

Archive::Stored Queue::storedOf(const Message& message) const {
  if (archive_ == nullptr || !isInArchive(message)) return {};
  std::vector<Archive::Stored> stored = archive_->read({&message.id, 1});
  return stored.empty() ? Archive::Stored() : std::move(stored.front());
}

Result<std::string> Queue::packedOf(const Message& message, const Archive::Stored& stored) const {
  if (!message.extra().packed.empty()) return message.extra().packed;
  if (message.grown) return stored.packed;
  if (!recordsAt_) return fail(Error::Kind::permanent, "nothing reads the journal");
  const journal::Gathered contents = recordsAt_({&message.record, 1});
  const Result<std::string_view> packed = contents[0];
  if (!packed) return fail(packed.error());
  return std::string(*packed);
}

Result<MessageRecord> Queue::read(const Message& message) const {
  const Archive::Stored stored = storedOf(message);
  const std::string& inMemory = message.extra().packed;  // not copied, for it may be large
  const Result<std::string> packed = inMemory.empty() ? packedOf(message, stored) : std::string();
  if (!packed) return fail(packed.error());
  Result<MessageRecord> record = ipc::decode<MessageRecord>(inMemory.empty() ? *packed : inMemory);
  if (record) takeOver(message, stored.replies, *record);
  return record;
}

MessageRecord Queue::unpack(const Message& message) const {
  Result<MessageRecord> record = read(message);
  if (record) return std::move(*record);
  MessageRecord nothing;
  takeOver(message, {}, nothing);
  return nothing;
}

Reading Queue::reading(std::span<const Id128> ids) const {
  Reading reading;
  reading.archive_ = archive_;
  reading.endings_ = endings_;
  reading.recordsAt_ = recordsAt_;
  reading.entries_.reserve(ids.size());
  for (const Id128& id : ids) {
    const auto found = messages_.find(id);
    if (found == messages_.end()) continue;
    const Message& message = found->second;
    Reading::Entry& entry = reading.entries_.emplace_back();
    entry.id = id;
    entry.message = &message;
    if (recordsAt_ && !message.grown && message.extra().packed.empty()) {
      entry.record = reading.places_.size();
      reading.places_.push_back(message.record);
    }
    if (archive_ != nullptr && isInArchive(message)) {
      entry.stored = reading.asked_.size();
      reading.asked_.push_back(id);
    }
  }
  return reading;
}

void Queue::show(const Reading& reading, const std::function<void(const Message&, const MessageView&)>& each) const {
  for (const Reading::Entry& entry : reading.entries_) {
    const auto found = endings_ == reading.endings_ ? messages_.end() : messages_.find(entry.id);
    const Message* const there = endings_ == reading.endings_ ? entry.message : found == messages_.end() ? nullptr : &found->second;
    if (there == nullptr) continue;
    const Message& message = *there;
    const Archive::Stored nothing;
    const Archive::Stored* stored = entry.stored < reading.stored_.size() ? &reading.stored_[entry.stored] : &nothing;
    const bool isWhereItWas = entry.record != Reading::kNone && !message.grown && message.record == reading.places_[entry.record];
    Archive::Stored storedSince;
    Result<std::string> again;
    Result<std::string_view> packed = std::string_view(message.extra().packed);
    if (packed->empty() && isWhereItWas) packed = (*reading.contents_)[entry.record];
    if (packed && packed->empty()) {  // in the archive, or moved since
      if (message.grown && stored->packed.empty()) stored = &(storedSince = storedOf(message));
      again = packedOf(message, *stored);
      packed = again ? std::string_view(*again) : std::string_view();
    }
    MessageView view = ipc::decode<MessageView>(packed.value_or("")).value_or(MessageView());
    takeOver(message, stored->replies, view);
    each(message, view);
  }
}

std::vector<std::string> Queue::lastRepliesOf(const Message& message) const {
  std::vector<std::string> replies = hasStoredReply(message) ? storedOf(message).replies : std::vector<std::string>();
  replies.resize(message.recipients.size());
  for (std::size_t at = 0; at < replies.size(); ++at) {
    const RecipientNow& now = message.recipients[at];
    if (now.lastReply) replies[at] = *now.lastReply;
    if (!now.lastReply && !now.hasReplyStored) replies[at].clear();
  }
  return replies;
}

void Queue::keepTranscript(const Id128& id, Transcript transcript) {
  if (!messages_.contains(id)) return;
  std::vector<Transcript>& lately = transcripts_[id];
  if (lately.size() == Transcript::kKept) lately.erase(lately.begin());
  lately.push_back(std::move(transcript));
  noteChange(id);
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

std::vector<Id128> Queue::takeChanged() {
  if (taken_.empty()) {
    taken_.swap(changed_);
    takenTranscripts_.swap(transcripts_);
  } else {
    taken_.merge(changed_);
    for (auto& [id, lately] : transcripts_) {
      std::vector<Transcript>& before = takenTranscripts_[id];
      std::move(lately.begin(), lately.end(), std::back_inserter(before));
    }
  }
  changed_.clear();
  transcripts_.clear();
  std::vector<Id128> ids(taken_.begin(), taken_.end());
  std::sort(ids.begin(), ids.end());
  return ids;
}

void Queue::stored(std::span<const Id128> ids) {
  for (const Id128& id : ids) {
    taken_.erase(id);
    takenTranscripts_.erase(id);
    Message* const message = find(id);
    if (message == nullptr || changed_.contains(id)) continue;
    message->unfiled = false;
    for (RecipientNow& recipient : message->recipients) {
      if (recipient.lastReply) recipient.hasReplyStored = true;
      recipient.lastReply.reset();
    }
    if (message->extra().packed.empty() || (!message->grown && !recordsAt_)) continue;
    message->changeExtra().packed = std::string();
    message->tidy();
  }
}

namespace {

/// FNV-1a. Different names that share a place cost a look, no more.
std::string filed(char kind, std::string_view what) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto add = [&hash](char c) { hash = (hash ^ static_cast<unsigned char>(toAsciiLower(c))) * 0x100000001b3U; };
  add(kind);
  for (const char c : what) add(c);
  std::string place(kFiledPlace, '\0');
  for (std::size_t at = 0; at < kFiledPlace; ++at) place[at] = static_cast<char>(hash >> (8 * at));
  return place;
}

}  // namespace

std::string filedByDomain(std::string_view domain) { return filed('d', comparableDomain(domain)); }
std::string filedBySender(std::string_view reversePath) { return filed('s', comparableAddress(reversePath)); }

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
  const std::size_t stored = ids.size();
  const auto add = [&](const Id128& id) {
    if (id > after && (isAll || id < last)) ids.push_back(id);
  };
  if (archive_ != nullptr) {
    for (const Id128& id : changed_) add(id);
    for (const Id128& id : taken_) add(id);
  } else {
    for (const auto& [id, message] : messages_) add(id);
  }
  if (ids.size() == stored) return ids;
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
  message->contentOffset = static_cast<std::uint32_t>(content.offset);
  count(*message);
  // An alias expanded meanwhile has recipients that the moved record does not know yet; they are in an expansion record behind it.
  if (record && record->recipients.size() == message->recipients.size()) {
    message->changeExtra().packed = std::move(packed);
    message->grown = false;
  }
  noteChange(id);
}

void Queue::erase(Message& message) {
  const Id128 id = message.id;
  discount(message);
  noteChange(id);
  if (recent_.insert(id).second) recentOrder_.push_back(id);
  dropFresh(message);
  transcripts_.erase(id);
  messages_.erase(id);
  ++endings_;
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

}  // namespace ostler::spool
