// message.h - a queued message in memory: what the schedule needs, in about 150 octets, for a million may wait.
// Is not: its content, which lies in the journal or in large/, and is held here only until the first attempts are over; nor its
// addresses, which the journal keeps, and what was said of them, which the schedule index keeps.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libmailcore/journal/segment.h"
#include "queued/spool/records.h"

namespace ostler::spool {

/// One recipient as it changes; the address and what the sender asked for are in the packed record.
struct RecipientNow {
  WallTime due{};
  std::unique_ptr<const std::string> lastReply;  ///< of the last attempt; null: none yet, or see hasReplyStored
  std::uint32_t attempts = 0;
  std::uint32_t line = 0;  ///< number of the destination it waits in line for; 0: in none
  RecipientState state = RecipientState::pending;
  bool inFlight = false;        ///< a delivery is running; its outcome comes
  bool settles = false;         ///< it has ended; that is on its way into the journal
  bool hasReplyStored = false;  ///< the schedule index knows what was said last

  [[nodiscard]] bool waits() const { return line != 0; }
  /// Pending, and neither on its way nor in line: its due time counts.
  [[nodiscard]] bool isIdle() const { return state == RecipientState::pending && !inFlight && !waits(); }
};

/// RFC 4865: its sender wants it to wait, and no administrator let it go before; what was tried, or put off, was let go.
[[nodiscard]] inline bool isHeldBack(WallTime holdUntil, std::uint32_t attempts, WallTime due) {
  return holdUntil != WallTime{} && attempts == 0 && toUnixMillis(due) == toUnixMillis(holdUntil);
}

/// Those of one message. The first lies in place: nearly all messages have one.
class Recipients {
 public:
  Recipients() = default;
  Recipients(Recipients&& other) noexcept { *this = std::move(other); }
  Recipients& operator=(Recipients&& other) noexcept {
    count_ = std::exchange(other.count_, 0);
    one_ = std::move(other.one_);
    many_ = std::move(other.many_);
    return *this;
  }

  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  RecipientNow* begin() { return many_ ? many_.get() : &one_; }
  RecipientNow* end() { return begin() + count_; }
  [[nodiscard]] const RecipientNow* begin() const { return many_ ? many_.get() : &one_; }
  [[nodiscard]] const RecipientNow* end() const { return begin() + count_; }
  RecipientNow& operator[](std::size_t at) { return begin()[at]; }
  const RecipientNow& operator[](std::size_t at) const { return begin()[at]; }
  /// Never makes them fewer: a recipient ends by its state.
  void growTo(std::size_t count) {
    if (count <= count_) return;
    if (count > 1) {
      auto more = std::make_unique<RecipientNow[]>(count);
      std::move(begin(), end(), more.get());
      many_ = std::move(more);
    }
    count_ = static_cast<std::uint32_t>(count);
  }

 private:
  std::uint32_t count_ = 0;
  RecipientNow one_;
  std::unique_ptr<RecipientNow[]> many_;
};

/// A message as it came in, kept while it is fresh so that its first delivery reads nothing back.
struct Fresh {
  MessageRecord record;
  std::shared_ptr<const std::string> content;  ///< null for a large one
};

/// What was said in an attempt that did not deliver to everybody. For people to read: kept with the message, not in the journal.
struct Transcript {
  WallTime at{};
  std::string text;  ///< lines with LF ends
  static constexpr std::size_t kKept = 3;  ///< of a message
  template <class V>
  void fields(V& v) {
    v(at, text);
  }
};

/// What few messages have, or all for a moment.
struct Extra {
  std::string packed;  ///< MessageRecord, encoded; the recipients' states in it are old. Empty: see Queue::read()
  std::shared_ptr<const Fresh> fresh;
  WallTime giveBackAt = WallTime::max();  ///< RFC 2852: what is not delivered by then is given back
  WallTime expiresAt{};                   ///< an administrator's word; the epoch: as its schedule says
  std::string movedTo;                    ///< an administrator's next hop; empty: as the routes say

  /// When it is given up wherever it waits; WallTime::max(): its schedule says.
  [[nodiscard]] WallTime deadline() const { return expiresAt == WallTime{} ? giveBackAt : std::min(giveBackAt, expiresAt); }
  [[nodiscard]] bool empty() const {
    return packed.empty() && !fresh && giveBackAt == WallTime::max() && expiresAt == WallTime{} && movedTo.empty();
  }
};

struct Message {
  Id128 id;
  journal::Position record;         ///< of its newest message record
  WallTime arrived;
  std::uint64_t size = 0;
  Recipients recipients;
  std::uint32_t contentOffset = 0;  ///< of its content record, in the same segment; means nothing when large
  Hold hold = Hold::none;
  bool large : 1 = false;
  bool delayTold : 1 = false;
  bool removed : 1 = false;  ///< by an administrator; a delivery that runs still ends, unheard
  bool unfiled : 1 = false;  ///< replayed: the schedule index has not been told under what it is found; its record in the journal says
  bool grown : 1 = false;    ///< an alias was expanded since its record was written: the journal has not all of it in one place

  [[nodiscard]] journal::Position content() const { return {record.segment, contentOffset}; }
  [[nodiscard]] const Extra& extra() const {
    static const Extra kNone;
    return extra_ ? *extra_ : kNone;
  }
  /// To be changed; dropped again by tidy() when nothing is left in it.
  [[nodiscard]] Extra& changeExtra() {
    if (!extra_) extra_ = std::make_unique<Extra>();
    return *extra_;
  }
  void tidy() {
    if (extra_ && extra_->empty()) extra_.reset();
  }
  [[nodiscard]] bool finished() const {
    for (const RecipientNow& recipient : recipients) {
      if (recipient.state == RecipientState::pending) return false;
    }
    return true;
  }
  [[nodiscard]] bool anyInFlight() const {
    for (const RecipientNow& recipient : recipients) {
      if (recipient.inFlight) return true;
    }
    return false;
  }
  [[nodiscard]] bool anySettling() const {
    for (const RecipientNow& recipient : recipients) {
      if (recipient.settles) return true;
    }
    return false;
  }
  /// When the first of its idle recipients is due; WallTime::max() when there is none.
  [[nodiscard]] WallTime due() const {
    WallTime earliest = WallTime::max();
    for (const RecipientNow& recipient : recipients) {
      if (recipient.isIdle() && recipient.due < earliest) earliest = recipient.due;
    }
    return earliest;
  }

 private:
  std::unique_ptr<Extra> extra_;
};
// A million of them, with what finds them, fit into the 256 MiB that the spool may take.
static_assert(sizeof(Message) <= 112);

}  // namespace ostler::spool
