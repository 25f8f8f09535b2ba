// sending.h - how much one user has sent in the last hour and day, whether that is too much, and who is frozen for it. Pure: time
// comes in. Is not: what is kept of it on disk (spool/senders.h), nor rates of strangers (smtpd/rates.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libmailcore/base/clock.h"
#include "libmailcore/config/config.h"

namespace ostler::policy {

struct Amount {
  std::uint64_t messages = 0;
  std::uint64_t recipients = 0;
  std::uint64_t newRecipients = 0;  ///< of these, whom the user has never written to
  template <class V>
  void fields(V& v) {
    v(messages, recipients, newRecipients);
  }
};

/// A sliding hour or day: of the one before counts the part that is not over yet.
struct Window {
  WallTime since{};  ///< when `current` began
  Amount before;
  Amount current;
  template <class V>
  void fields(V& v) {
    v(since, before, current);
  }
};

/// One user, as it is kept.
struct Sender {
  Window hour;
  Window day;
  WallTime frozen{};  ///< since when he may not send; the epoch: he may
  std::string reason;
  template <class V>
  void fields(V& v) {
    v(hour, day, frozen, reason);
  }
  [[nodiscard]] bool isFrozen() const { return frozen != WallTime{}; }
  /// Nothing is left of it that counts.
  [[nodiscard]] bool isForgotten(WallTime now) const;
};

/// What `more` would be too much of: "more than 100 recipients an hour". Nothing: it is within the limits.
[[nodiscard]] std::optional<std::string> excess(const Sender& sender, const config::SendingLimits& limits, const Amount& more, WallTime now);
void count(Sender& sender, const Amount& more, WallTime now);
/// What was counted did not become mail.
void takeBack(Sender& sender, const Amount& amount);
/// Of the last hour or day, with what still counts of the one before.
[[nodiscard]] Amount sentInHour(const Sender& sender, WallTime now);
[[nodiscard]] Amount sentInDay(const Sender& sender, WallTime now);

}  // namespace ostler::policy
