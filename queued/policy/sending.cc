#include "queued/policy/sending.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace ostler::policy {
namespace {

using std::chrono::seconds;
constexpr seconds kHour{3600};
constexpr seconds kDay{86'400};

using Count = std::uint64_t Amount::*;
constexpr std::array kCounts = {&Amount::messages, &Amount::recipients, &Amount::newRecipients};

struct Row {
  std::uint64_t config::SendingLimits::*most;
  Count of;
  Window Sender::*in;
  seconds period;
  std::string_view words;
};
using L = config::SendingLimits;
constexpr std::array kRows = {
    Row{&L::messagesPerHour,      &Amount::messages,      &Sender::hour, kHour, "messages an hour"},
    Row{&L::messagesPerDay,       &Amount::messages,      &Sender::day,  kDay,  "messages a day"},
    Row{&L::recipientsPerHour,    &Amount::recipients,    &Sender::hour, kHour, "recipients an hour"},
    Row{&L::recipientsPerDay,     &Amount::recipients,    &Sender::day,  kDay,  "recipients a day"},
    Row{&L::newRecipientsPerHour, &Amount::newRecipients, &Sender::hour, kHour, "new recipients an hour"},
    Row{&L::newRecipientsPerDay,  &Amount::newRecipients, &Sender::day,  kDay,  "new recipients a day"},
};

/// The window moved on to `now`. A clock that was set back leaves it as it is.
Window at(Window window, seconds period, WallTime now) {
  if (now - window.since >= 2 * period) return {now, {}, {}};
  if (now - window.since >= period) return {window.since + period, window.current, {}};
  return window;
}

Amount sent(const Window& then, seconds period, WallTime now) {
  const Window window = at(then, period, now);
  const auto passed = std::chrono::duration_cast<seconds>(now - window.since).count();
  const auto left = static_cast<std::uint64_t>(std::clamp<std::int64_t>(period.count() - passed, 0, period.count()));
  Amount amount = window.current;
  for (const Count each : kCounts) amount.*each += window.before.*each * left / static_cast<std::uint64_t>(period.count());
  return amount;
}

void add(Window& window, const Amount& more, seconds period, WallTime now) {
  window = at(window, period, now);
  for (const Count each : kCounts) window.current.*each += more.*each;
}

void subtract(Window& window, const Amount& less) {
  for (const Count each : kCounts) window.current.*each -= std::min(window.current.*each, less.*each);
}

}  // namespace

bool Sender::isForgotten(WallTime now) const { return !isFrozen() && now - day.since >= 2 * kDay; }

std::optional<std::string> excess(const Sender& sender, const config::SendingLimits& limits, const Amount& more, WallTime now) {
  for (const Row& row : kRows) {
    const std::uint64_t most = limits.*row.most;
    if (most == 0 || more.*row.of == 0) continue;
    if (sent(sender.*row.in, row.period, now).*row.of + more.*row.of > most) return fmt::format("more than {} {}", most, row.words);
  }
  return std::nullopt;
}

void count(Sender& sender, const Amount& more, WallTime now) {
  add(sender.hour, more, kHour, now);
  add(sender.day, more, kDay, now);
}

void takeBack(Sender& sender, const Amount& amount) {
  subtract(sender.hour, amount);
  subtract(sender.day, amount);
}

Amount sentInHour(const Sender& sender, WallTime now) { return sent(sender.hour, kHour, now); }
Amount sentInDay(const Sender& sender, WallTime now) { return sent(sender.day, kDay, now); }

}  // namespace ostler::policy
