#include "queued/tools/simulate.h"

#include <sysexits.h>

#include <algorithm>
#include <ctime>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "libmailcore/base/ascii.h"
#include "libmailcore/config/quantity.h"
#include "queued/route/route.h"
#include "queued/schedule/hours.h"
#include "queued/schedule/retry.h"
#include "queued/tools/common.h"

namespace ostler::tools {
namespace {

constexpr const char* kNames[] = {"attempt", "delay notice to the sender", "given up, the sender is told", "waits for its hours"};

std::string clockOf(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm broken{};
  ::localtime_r(&seconds, &broken);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &broken)};
}

std::string afterArrival(WallTime time, WallTime arrived, bool withSeconds) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time - arrived).count();
  const auto minutes = seconds / 60;
  const std::string whole = fmt::format("{:>3} d {:>2} h {:>2} min", minutes / 1440, minutes / 60 % 24, minutes % 60);
  return withSeconds ? fmt::format("{} {:>2} s", whole, seconds % 60) : whole;
}

void print(const std::vector<schedule::Step>& steps, WallTime arrived, bool withClock) {
  const auto isBetweenMinutes = [arrived](const schedule::Step& step) { return (step.at - arrived) % std::chrono::minutes(1) >= std::chrono::seconds(1); };
  const bool withSeconds = std::any_of(steps.begin(), steps.end(), isBetweenMinutes);
  for (const schedule::Step& step : steps) {
    const std::string number = step.kind == schedule::Step::Kind::attempt ? fmt::format(" {}", step.attempt) : "";
    fmt::print("{}{}  {}{}\n", withClock ? clockOf(step.at) + "  " : "", afterArrival(step.at, arrived, withSeconds), kNames[static_cast<int>(step.kind)], number);
  }
}

schedule::Windows windowsOf(const config::RouteRule* rule, schedule::WallClock wall) {
  return {rule == nullptr ? std::string() : rule->pace.hours, std::move(wall)};
}

/// What is still ahead of one recipient of a message: its attempts count, and an administrator's expiry. `began`: when it might go.
std::vector<schedule::Step> stepsAhead(config::RetrySchedule retry, const config::RouteRule* rule, WallTime began, WallTime expires, const schedule::Begun& begun) {
  if (expires != WallTime{}) retry.expiry = std::chrono::duration_cast<std::chrono::seconds>(expires - began);
  std::vector<schedule::Step> steps = schedule::simulate(retry, began, windowsOf(rule, schedule::localMinuteOfDay), 1000, begun);
  const WallTime now = std::chrono::system_clock::now();
  std::erase_if(steps, [now](const schedule::Step& step) { return step.kind == schedule::Step::Kind::delayNotice && step.at < now; });
  return steps;
}

int simulateMessage(const config::Config& config, const std::string& id) {
  nlohmann::json about;
  const auto take = [&about](const std::string& page) {
    const auto json = nlohmann::json::parse(page.substr(0, page.find('\n')), nullptr, false);
    if (json.is_object()) about = json;
  };
  const int status = ask(config, "control", {"queue", "show", id, "--json"}, take, Deadline::after(std::chrono::seconds(30)));
  if (status != EX_OK) return status;
  const auto timeOf = [&about](const char* key) { return fromUnixMillis(about.value(key, std::int64_t{0}) * 1000); };
  const WallTime arrived = timeOf("arrived");
  schedule::Begun begun;
  begun.isGivenBack = about.contains("given_back_at");
  if (begun.isGivenBack || about.contains("late_at")) begun.deadline = timeOf(begun.isGivenBack ? "given_back_at" : "late_at");
  for (const auto& recipient : about.value("recipients", nlohmann::json::array())) {
    const std::string to = recipient.value("to", "");
    if (recipient.value("state", "") != "pending") continue;
    fmt::print("<{}>\n", printable(to));
    const config::RouteRule* const rule = route::ruleFor(config, {.forwardPath = to, .reversePath = about.value("from", "")});
    begun.attempts = recipient.value("attempts", 0U);
    begun.due = fromUnixMillis(recipient.value("due", std::int64_t{0}) * 1000);
    const config::RetrySchedule& retry = route::retryFor(config, rule, about.value("server", ""));
    print(stepsAhead(retry, rule, std::max(arrived, timeOf("held_until")), timeOf("expires"), begun), arrived, true);
  }
  return EX_OK;
}

}  // namespace

int simulate(const config::Config& config, const Simulation& asked) {
  if (!asked.id.empty()) return simulateMessage(config, asked.id);
  unsigned minute = schedule::localMinuteOfDay(std::chrono::system_clock::now());
  if (!asked.at.empty()) {
    const auto window = config::parseHours(asked.at + (asked.at == "00:00" ? "-00:01" : "-00:00"));
    if (!window) {
      fmt::print(stderr, "ostler queue simulate: --at HH:MM, not {}\n", printable(asked.at));
      return EX_USAGE;
    }
    minute = window->front().from;
  }
  const config::RouteRule* const rule = asked.domain.empty() ? nullptr : route::ruleFor(config, {.forwardPath = "someone@" + asked.domain});
  const auto wall = [minute](WallTime time) { return static_cast<unsigned>((minute + time.time_since_epoch() / std::chrono::minutes(1)) % (24 * 60)); };
  const auto isNamed = [&asked](const config::VirtualServer& server) { return server.name == asked.server; };
  if (!asked.server.empty() && std::none_of(config.virtualServers.begin(), config.virtualServers.end(), isNamed)) {
    fmt::print(stderr, "ostler queue simulate: there is no virtual server {}\n", printable(asked.server));
    return EX_USAGE;
  }
  print(schedule::simulate(route::retryFor(config, rule, asked.server), WallTime{}, windowsOf(rule, wall)), WallTime{}, false);
  return EX_OK;
}

}  // namespace ostler::tools
