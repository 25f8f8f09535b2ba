// queue.h - Queue: every message there is, in memory, exactly as the journal says.
// Replay and the running spool change it through the same apply(), so that a restart gives what was there before.
// Is not: the schedule (who is tried when: schedule/), nor files. Pure of I/O, but for what it asks its Archive.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "libmailcore/journal/gather.h"
#include "libmailcore/journal/replay.h"
#include "queued/spool/message.h"

namespace ostler::spool {

/// What of the queue is held neither in memory nor by the journal in one place: the schedule index. Any thread.
class Archive {
 public:
  virtual ~Archive() = default;
  struct Stored {
    std::string packed;                ///< of a message that has grown: its MessageRecord, encoded; empty: none is there
    std::vector<std::string> replies;  ///< what was said last of each recipient
  };
  /// What was stored last of each of them, in their order.
  [[nodiscard]] virtual std::vector<Stored> read(std::span<const Id128> ids) const = 0;
  /// Of the last attempts, the oldest first.
  [[nodiscard]] virtual std::vector<Transcript> transcriptsOf(const Id128&) const { return {}; }
  /// Stored ids greater than `after`, in their order. `of`: those filed under it alone (see filedUnder), when not empty.
  [[nodiscard]] virtual std::vector<Id128> idsAfter(const Id128& after, std::size_t most, const std::string& of) const = 0;
};

/// Message records by their places: the journal. Any thread; blocks.
using RecordsAt = std::function<journal::Gathered(std::span<const journal::Position>)>;

/// What a message is looked for by, as it is filed: its recipients' domains, its sender, kFiledPlace octets each that stand for them.
/// What is filed so may, and may no longer, fit.
inline constexpr std::size_t kFiledPlace = 8;
[[nodiscard]] std::string filedByDomain(std::string_view domain);
[[nodiscard]] std::string filedBySender(std::string_view reversePath);
[[nodiscard]] std::vector<std::string> filedUnder(const MessageRecord& record);

/// The records of several messages on their way back into memory: made by the queue on its loop, run anywhere, shown by the queue.
class Reading {
 public:
  /// Blocks.
  void run();

 private:
  friend class Queue;
  static constexpr std::size_t kNone = SIZE_MAX;
  struct Entry {
    Id128 id;
    const Message* message = nullptr;  ///< while nothing has ended since
    std::size_t record = kNone;  ///< in contents_; none: memory or the archive has it
    std::size_t stored = kNone;  ///< in stored_; none: the archive knows nothing of it
  };
  std::vector<Entry> entries_;
  std::uint64_t endings_ = 0;  ///< of the queue, when it was made
  RecordsAt recordsAt_;
  std::vector<journal::Position> places_;
  std::optional<journal::Gathered> contents_;
  const Archive* archive_ = nullptr;
  std::vector<Id128> asked_;
  std::vector<Archive::Stored> stored_;
};

class Queue {
 public:
  /// The destination that stands for all delivery, to mailboxes too: what `ostler queue freeze --all` lays a hold on.
  static constexpr std::string_view kEverything = "*";

  /// All mail to other hosts: `ostler queue disable`.
  static constexpr std::string_view kOutbound = "outbound";
  /// In front of a sender, of a route's domain, or of the domain of recipients, by whatever way they are reached.
  static constexpr std::string_view kSender = "sender:";
  static constexpr std::string_view kDomain = "domain:";
  static constexpr std::string_view kRoute = "route:";

  /// A new message, or a later record of one that is there. `packed`: the record as it was encoded.
  Message& insert(const MessageRecord& record, std::string packed, journal::Position at, journal::Position content);
  /// As insert(), for one that was accepted just now: keeps what its first delivery needs, but for that of a message to very many, which
  /// would be held twice.
  Message& insertFresh(std::shared_ptr<const Fresh> fresh, std::string packed, journal::Position at, journal::Position content);
  /// Applies anything but a message record. What ends a message takes it away. Records of unknown messages change nothing.
  void apply(const AnyRecord& record);
  /// Expansions of one message, in the order of the log: its record is read and written anew once for all of them.
  void apply(std::span<const ExpansionRecord> expansions);
  /// The same, of what apply() would make of the message. REQUIRES: none of them was applied before.
  void apply(std::span<const ExpansionRecord> expansions, const MessageRecord& grown);
  /// Applies a batch of the journal. Errors: syntax; what could be read of the batch is applied.
  Result<void> replay(const journal::Batch& batch);

  /// What is held in memory for first deliveries, and how one's is let go.
  [[nodiscard]] std::uint64_t freshOctets() const { return freshOctets_; }
  void dropFresh(Message& message);

  [[nodiscard]] Message* find(const Id128& id);
  [[nodiscard]] const Message* find(const Id128& id) const;
  /// The whole record as it stands now. Errors: what is kept of it cannot be read; nothing may be concluded from that, or written.
  [[nodiscard]] Result<MessageRecord> read(const Message& message) const;
  /// The same to be shown; empty where it cannot be read.
  [[nodiscard]] MessageRecord unpack(const Message& message) const;
  /// As unpack() of each, for many: what it takes, to be run on any thread,
  [[nodiscard]] Reading reading(std::span<const Id128> ids) const;
  /// and then, on the loop, those that are there still. What `each` is given is valid during the call.
  void show(const Reading& reading, const std::function<void(const Message&, const MessageView&)>& each) const;
  /// What was said last of each recipient; empty: nothing yet.
  [[nodiscard]] std::vector<std::string> lastRepliesOf(const Message& message) const;
  /// Ids greater than `after`, in their order, which is that of arrival. Costs what it gives and what changed lately. `of`: those
  /// filed under it, and perhaps others that changed lately; the caller looks.
  [[nodiscard]] std::vector<Id128> idsAfter(const Id128& after, std::size_t most, const std::string& of = {}) const;
  /// Adds to the transcripts of a message; the archive keeps the last ones of it.
  void keepTranscript(const Id128& id, Transcript transcript);
  [[nodiscard]] std::vector<Transcript> transcriptsOf(const Id128& id) const;
  /// Those that the archive is to get with what takeChanged() told of.
  [[nodiscard]] std::vector<Transcript> takenTranscriptsOf(const Id128& id) const {
    const auto found = takenTranscripts_.find(id);
    return found == takenTranscripts_.end() ? std::vector<Transcript>() : found->second;
  }
  /// Where replies, and records of messages that have grown, are asked for, and given up to: outlives the queue's use of it. Null: all
  /// are kept in memory.
  void keepIn(const Archive* archive) { archive_ = archive; }
  /// Where the other records are read. Never called: they are kept in memory.
  void readFrom(RecordsAt recordsAt) { recordsAt_ = std::move(recordsAt); }
  [[nodiscard]] const RecordsAt& recordsAt() const { return recordsAt_; }
  /// The archive has these of what takeChanged() told of: what has not changed since is let go.
  void stored(std::span<const Id128> ids);
  [[nodiscard]] std::uint64_t octets() const { return octets_; }            ///< of all contents
  [[nodiscard]] std::uint64_t journalOctets() const { return journalOctets_; }  ///< of those in the journal
  [[nodiscard]] std::uint64_t held() const { return held_; }                ///< messages that somebody holds or has frozen
  [[nodiscard]] std::uint64_t pendingRecipients() const { return pending_; }
  void reserve(std::size_t messages) { messages_.reserve(messages); }
  [[nodiscard]] const std::unordered_map<Id128, Message>& messages() const { return messages_; }
  [[nodiscard]] bool isStopped() const { return destinations_.contains(std::string(kEverything)); }
  [[nodiscard]] bool isOutboundStopped() const { return destinations_.contains(std::string(kOutbound)); }
  /// What an administrator has laid on a sender or route; none almost always, so that asking costs nothing.
  [[nodiscard]] Hold laidOn(std::string_view prefix, std::string_view what) const;
  [[nodiscard]] const std::map<std::string, Hold>& destinations() const { return destinations_; }

  /// Is it here, or was it lately? DraftOutcome's answer.
  [[nodiscard]] bool knows(const Id128& id) const { return messages_.contains(id) || recent_.contains(id); }
  /// Forgets which messages ended, but for the last `keep`.
  void forgetEnded(std::size_t keep);
  /// Names in pickup/.taken/ that replay found journalled.
  [[nodiscard]] const std::unordered_set<std::string>& takenSeen() const { return takenSeen_; }

  /// Live messages whose newest record lies in each segment.
  [[nodiscard]] const std::map<std::uint64_t, std::uint64_t>& liveBySegment() const { return liveBySegment_; }
  /// Messages that changed since the last call, and those of earlier calls that are not stored yet, in the order of their ids: for the
  /// schedule index. Ended ones are among them.
  [[nodiscard]] std::vector<Id128> takeChanged();
  [[nodiscard]] std::size_t changedCount() const { return changed_.size(); }
  /// Called at the first change behind takeChanged().
  void onChange(std::function<void()> tell) { tellChange_ = std::move(tell); }

  /// Its records stand at a new place of the log, with the states of when they were written; what changed since stays.
  void moved(const Id128& id, std::string packed, journal::Position at, journal::Position content);
  /// A row of the schedule index, read back.
  Message& restore(Message message);
  void restoreDestination(const std::string& key, Hold hold) { destinations_[key] = hold; }

 private:
  static constexpr std::size_t kFreshRecipients = 100;  ///< of a message to more nothing is kept fresh
  [[nodiscard]] Archive::Stored storedOf(const Message& message) const;
  [[nodiscard]] Result<std::string> packedOf(const Message& message, const Archive::Stored& stored) const;
  void applyTo(Message& message, const OutcomeRecord& outcome);
  void applyTo(Message& message, const MarkRecord& mark);
  void noteChange(const Id128& id) {
    if (changed_.empty() && tellChange_) tellChange_();
    changed_.insert(id);
  }
  void endIfFinished(Message& message);
  void erase(Message& message);
  void count(const Message& message);
  void discount(const Message& message);

  std::unordered_map<Id128, Message> messages_;
  std::map<std::string, Hold> destinations_;
  std::map<std::uint64_t, std::uint64_t> liveBySegment_;
  std::unordered_set<Id128> changed_;
  std::function<void()> tellChange_;
  std::unordered_set<Id128> taken_;  ///< changed before, on their way into the archive
  std::unordered_map<Id128, std::vector<Transcript>> transcripts_;
  std::unordered_map<Id128, std::vector<Transcript>> takenTranscripts_;  ///< on their way into the archive
  std::unordered_set<Id128> recent_;
  std::deque<Id128> recentOrder_;
  std::unordered_set<std::string> takenSeen_;
  std::uint64_t endings_ = 0;
  std::uint64_t freshOctets_ = 0;
  std::uint64_t octets_ = 0;
  std::uint64_t journalOctets_ = 0;
  std::uint64_t held_ = 0;
  std::uint64_t pending_ = 0;
  const Archive* archive_ = nullptr;
  RecordsAt recordsAt_;
};

}  // namespace ostler::spool
