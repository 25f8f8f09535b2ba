// message.h - a queued message in memory: what the schedule needs, in about 200 octets, for a million may wait.
// Is not: its content, which lies in the journal or in large/, and is held here only until the first attempts are over; nor its
// addresses, which the schedule index keeps.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libmailcore/journal/segment.h"
#include "queued/spool/records.h"

namespace ostler::spool {

/// One recipient as it changes; the address and what the sender asked for are in the packed record.
struct RecipientNow {
  WallTime due{};
  std::shared_ptr<const std::string> lastReply;  ///< shared where neighbours got the same; null: none yet
  std::uint32_t attempts = 0;
  RecipientState state = RecipientState::pending;
  bool inFlight = false;  ///< a delivery is running; its outcome comes
  bool waiting = false;   ///< in line for a next hop
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

/// What an administrator wants of a message, instead of what routes and schedule say.
struct Override {
  WallTime expiresAt{};  ///< the epoch: as its schedule says
  std::string movedTo;   ///< a next hop; empty: as the routes say
};
/// Null when it changes nothing.
[[nodiscard]] inline std::shared_ptr<const Override> makeOverride(WallTime expiresAt, std::string movedTo) {
  if (expiresAt == WallTime{} && movedTo.empty()) return nullptr;
  return std::make_shared<const Override>(Override{expiresAt, std::move(movedTo)});
}

struct Message {
  Id128 id;
  journal::Position record;         ///< of its newest message record
  std::uint64_t contentOffset = 0;  ///< of its content record, in the same segment; means nothing when large
  WallTime arrived;
  std::uint64_t size = 0;
  /// MessageRecord, encoded; the recipients' states in it are older than `recipients`. Null: the schedule index has it.
  std::unique_ptr<const std::string> packed;
  std::vector<RecipientNow> recipients;
  std::shared_ptr<const Fresh> fresh;
  std::shared_ptr<const Override> override;  ///< null almost always
  WallTime giveBackAt = WallTime::max();  ///< RFC 2852: what is not delivered by then is given back
  Hold hold = Hold::none;
  bool large = false;
  bool delayTold = false;
  bool removed = false;  ///< by an administrator; a delivery that runs still ends, unheard

  [[nodiscard]] journal::Position content() const { return {record.segment, contentOffset}; }
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
  /// When the first pending recipient is due; WallTime::max() when none is.
  [[nodiscard]] WallTime due() const {
    WallTime earliest = WallTime::max();
    for (const RecipientNow& recipient : recipients) {
      if (recipient.state == RecipientState::pending && recipient.due < earliest) earliest = recipient.due;
    }
    return earliest;
  }
};

}  // namespace ostler::spool
