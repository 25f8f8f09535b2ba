// destination.h - Destination: what waits for one next hop, and how many deliveries it gets at once.
// State: active (tries), retry (it rests: nothing is sent before retryAt), frozen and held (an administrator's word), asleep
// (waits until its server asks with ETRN).
// Concurrency adapts as TCP's window does: one more after a round of successes, half after a host that did not answer. A host that
// wants less of us gets as many at once as it still serves, and rests when that is none.
// Fairness between senders: each sender's messages wait in a line of their own, the lines take turns. What has a higher priority
// goes before all of that (RFC 6710).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "libmailcore/base/clock.h"
#include "libmailcore/base/ids.h"
#include "libmailcore/base/units.h"

namespace ostler::schedule {

/// What is known of a host, and so how much of all deliveries may wait for hosts like it.
enum class Standing {
  proven,   ///< answered when it was asked last
  untried,  ///< nothing is known
  failing,  ///< did not answer when it was asked last
};
inline constexpr std::size_t kStandings = 3;

enum class DestinationState { active, retry, frozen, held, asleep };

/// What an attempt said about the host, whatever it said about the message.
enum class HostVerdict {
  answered,   ///< it spoke SMTP with us: accepted, deferred or refused
  wantsLess,  ///< it said so: too many connections, too much mail, too much to do
  noAnswer,   ///< could not be reached, or broke off: let it rest
  notAsked,   ///< the attempt ended on our side
};

class Destination {
 public:
  /// `number`: never given to another one, nor 0.
  Destination(std::string key, std::uint32_t maxConcurrency, std::uint32_t number = 1)
      : key_(std::move(key)), most_(maxConcurrency), number_(number) {}

  void push(std::uint64_t sender, const Id128& message, std::int8_t priority = 0);
  /// The next message that may start now; its slot is taken until finished().
  [[nodiscard]] std::optional<Id128> start(WallTime now);
  /// `pause`: how long the host rests at first when it does not answer, or serves none of us; doubles up to `longest`. For so long
  /// it does not get more at once after it wanted less.
  void finished(HostVerdict verdict, WallTime now, std::chrono::seconds pause, std::chrono::seconds longest);

  [[nodiscard]] DestinationState state(WallTime now) const;
  [[nodiscard]] Standing standing() const {
    return failuresInARow_ > 0 ? Standing::failing : hasAnswered_ ? Standing::proven : Standing::untried;
  }
  /// Takes so many of those that wait: for a host that rests, its messages are deferred without being sent.
  [[nodiscard]] std::vector<Id128> take(std::size_t most);
  /// Takes, from the front of each sender's line, what `isOver` says: its time has passed while it waited.
  [[nodiscard]] std::vector<Id128> takeFromFront(const std::function<bool(const Id128&)>& isOver);
  /// Sends only until then; ETRN sets a later time. Never called: always.
  void wakeUntil(WallTime until) { awakeUntil_ = until; }
  /// So many messages in such a time, at even distances and not in a burst; none: as many as go.
  void setRate(Rate rate) { rate_ = rate; }
  /// When the pace lets the next one start.
  [[nodiscard]] WallTime pacedUntil() const { return pacedUntil_; }
  void setAdministrative(DestinationState state) { administrative_ = state; }  ///< active, frozen or held
  void retryNow() { rest_ = {}; }
  void setMaxConcurrency(std::uint32_t most) { most_ = most; }

  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] std::uint32_t number() const { return number_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  [[nodiscard]] std::uint32_t running() const { return running_; }
  /// Deliveries that were tried, since it was made; and how many of the last ones found no answer, or were not wanted.
  [[nodiscard]] std::uint64_t attempts() const { return attempts_; }
  [[nodiscard]] std::uint32_t failuresInARow() const { return failuresInARow_; }
  [[nodiscard]] std::uint32_t window() const { return most_ == 0 ? window_ : std::min(window_, most_); }
  [[nodiscard]] WallTime retryAt() const { return rest_.until; }
  /// It rests because it did not answer. What waits for it has no use in line; a host that wants less takes it in a while.
  [[nodiscard]] bool isSilent(WallTime now) const { return rest_.covers(now) && lastFailure_ == HostVerdict::noAnswer; }
  /// Until when it gets no more at once than window(), because it wanted less.
  [[nodiscard]] WallTime lessUntil() const { return less_.until; }
  [[nodiscard]] bool wantsLess(WallTime now) const { return lastFailure_ == HostVerdict::wantsLess && less_.covers(now); }
  [[nodiscard]] bool idle(WallTime now) const {
    return waiting_ == 0 && running_ == 0 && state(now) == DestinationState::active && !wantsLess(now);
  }
  std::string lastReply;  ///< of the last attempt that found no answer, or was told to send less: why it rests

 private:
  void rest(WallTime now, std::chrono::seconds pause, std::chrono::seconds longest);
  struct Line {
    std::uint64_t sender = 0;
    std::deque<Id128> messages;
  };
  std::string key_;
  std::uint32_t most_;
  std::uint32_t number_;
  std::uint32_t window_ = 5;
  std::uint32_t successes_ = 0;
  std::uint32_t running_ = 0;
  std::uint64_t attempts_ = 0;
  std::uint32_t failuresInARow_ = 0;
  bool hasAnswered_ = false;
  HostVerdict lastFailure_ = HostVerdict::noAnswer;
  /// A clock that was set back to before it began ends it.
  struct Span {
    WallTime from{};
    WallTime until{};
    [[nodiscard]] bool covers(WallTime now) const { return from <= now && now < until; }
  };
  Span rest_;
  Span less_;
  Rate rate_;
  WallTime pacedUntil_{};
  WallTime awakeUntil_ = WallTime::max();
  DestinationState administrative_ = DestinationState::active;
  std::size_t waiting_ = 0;
  /// Of one priority.
  struct Lane {
    std::list<Line> lines;  ///< front: whose turn it is
    std::unordered_map<std::uint64_t, std::list<Line>::iterator> bySender;
  };
  std::map<std::int8_t, Lane, std::greater<>> lanes_;  ///< none is empty
};

}  // namespace ostler::schedule
