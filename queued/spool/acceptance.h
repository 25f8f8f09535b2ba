// acceptance.h - the one way in: makes a message durable, puts it into the queue, and has it looked at at once.
// When accept() returns a value the message is ours (RFC 5321 6.1): state 5 of STATES.md.
#pragma once

#include <functional>
#include <memory>

#include "queued/spool/environment.h"

namespace ostler::spool {

/// How it came, for its history.
[[nodiscard]] std::string acceptedEvent(const MessageRecord& record);

class Acceptance {
 public:
  /// `wake`: told of each message that came into the queue.
  Acceptance(Environment& env, std::function<void(const Id128&)> wake) : env_(env), wake_(std::move(wake)) {}

  /// `content`: null when it lies in large/ already, synced and named. Errors: temporary, limit: nothing was kept.
  [[nodiscard]] Task<Result<void>> accept(MessageRecord record, std::shared_ptr<const std::string> content);

  /// Why no mail is taken just now: 452 4.3.1 or 4.3.0. Success: there is room for `octets`.
  [[nodiscard]] Result<void> hasRoom(std::uint64_t octets);

  /// The records of a message, for a batch that holds more than it.
  static void appendTo(std::vector<journal::NewRecord>& batch, const MessageRecord& record, std::shared_ptr<const std::string> content);

 private:
  Environment& env_;
  std::function<void(const Id128&)> wake_;
  SteadyTime spaceLookedAt_{};
  std::uint64_t freeOctets_ = 0;
};

}  // namespace ostler::spool
