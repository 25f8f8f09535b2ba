// top.cc - ostler queue top: what goes out and what waits, and why, again every second.
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "libmailcore/base/ascii.h"
#include "queued/tools/top.h"

namespace ostler::tools {
namespace {

struct Row {
  std::string destination, state, reason;
  std::uint64_t waiting = 0, running = 0, window = 0, attempts = 0, failures = 0;
  std::int64_t retryAt = 0, lessUntil = 0;
};

std::vector<Row> rowsOf(const std::string& output) {
  std::vector<Row> rows;
  for (const std::string_view line : split(output, '\n')) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) continue;
    Row row;
    row.destination = json.value("destination", "");
    row.state = json.value("state", "");
    row.reason = json.value("reason", "");
    row.waiting = json.value("waiting", std::uint64_t{0});
    row.running = json.value("running", std::uint64_t{0});
    row.window = json.value("window", std::uint64_t{0});
    row.attempts = json.value("attempts", std::uint64_t{0});
    row.failures = json.value("failures", std::uint64_t{0});
    row.lessUntil = json.value("lessUntil", std::int64_t{0});
    row.retryAt = json.value("retryAt", std::int64_t{0});
    rows.push_back(std::move(row));
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return a.waiting + a.running != b.waiting + b.running ? a.waiting + a.running > b.waiting + b.running : a.destination < b.destination;
  });
  return rows;
}

std::int64_t secondsUntil(std::int64_t time) { return std::max<std::int64_t>(time - std::time(nullptr), 0); }

std::string reasonOf(const Row& row) {
  if (row.state == "retry") return fmt::format("again in {} s: {}", secondsUntil(row.retryAt), row.reason);
  if (row.state == "asleep") return "waits until its server asks with ETRN, or for its hours";
  if (row.state == "frozen" || row.state == "held") return "an administrator's word";
  if (row.lessUntil != 0) return fmt::format("no more than {} at once for {} s: {}", row.window, secondsUntil(row.lessUntil), row.reason);
  if (row.waiting > 0 && row.running >= row.window) return "all of its window is in use";
  return row.reason;
}

void print(const std::vector<Row>& rows, std::size_t most) {
  std::uint64_t waiting = 0, running = 0;
  for (const Row& row : rows) {
    waiting += row.waiting;
    running += row.running;
  }
  fmt::print("{} destinations, {} deliveries, {} messages in line\n", rows.size(), running, waiting);
  fmt::print("{:<36} {:<7} {:>8} {:>8} {:>7} {:>8} {:>6}  {}\n", "destination", "state", "waiting", "running", "window", "attempts", "failed",
             "reason for waiting");
  for (std::size_t at = 0; at < std::min(rows.size(), most); ++at) {
    const Row& row = rows[at];
    fmt::print("{:<36} {:<7} {:>8} {:>8} {:>7} {:>8} {:>6}  {}\n", printable(row.destination, 36), row.state, row.waiting, row.running, row.window,
               row.attempts, row.failures, printable(reasonOf(row), 100));
  }
  std::fflush(stdout);
}

}  // namespace

int top(const config::Config& config, bool once) {
  constexpr std::size_t kMost = 40;
  const bool live = !once && ::isatty(STDOUT_FILENO) == 1;
  for (;;) {
    std::string output;
    const auto add = [&output](const std::string& page) { output += page; };
    const int status = ask(config, "control", {"queue", "destinations", "--json"}, add, Deadline::after(std::chrono::seconds(10)));
    if (status != EX_OK) return status;
    if (live) fmt::print("\033[H\033[2J");
    print(rowsOf(output), kMost);
    if (!live) return EX_OK;
    ::sleep(1);
  }
}

}  // namespace ostler::tools
