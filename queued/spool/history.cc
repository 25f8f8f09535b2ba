#include "queued/spool/history.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/unique_fd.h"
#include "queued/spool/large_files.h"

namespace ostler::spool {

namespace {

constexpr std::size_t kMuch = 256 * 1024;
constexpr std::size_t kIdAt = 14;  ///< behind 13 digits of milliseconds and a blank
constexpr std::size_t kTextAt = kIdAt + 26 + 1;

/// "2026-11-22", UTC.
std::string dayOf(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm broken{};
  ::gmtime_r(&seconds, &broken);
  char text[16];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &broken)};
}

/// What cannot be written is lost; the log has it.
void append(const std::string& folder, const std::string& day, const std::string& lines) {
  ::mkdir(folder.c_str(), 0700);
  const UniqueFd file(::open((folder + "/" + day).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (file) (void)writeAll(file.get(), lines).has_value();
}

void removeBefore(const std::string& folder, const std::string& day) {
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    if (entry.path().filename().string() < day) std::filesystem::remove(entry.path(), none);
  }
}

}  // namespace

void History::note(const Id128& id, WallTime now, std::string_view event) {
  std::string day = dayOf(now);
  if (day != day_) {
    flushNow();
    day_ = std::move(day);
  }
  fmt::format_to(std::back_inserter(noted_), "{:013} {} ", toUnixMillis(now), id.text());
  for (const char c : event) noted_ += isAsciiControl(c) ? ' ' : c;
  noted_ += '\n';
}

void History::flushNow() {
  if (noted_.empty()) return;
  disk_.post([folder = folder_, day = day_, lines = std::exchange(noted_, {})] { append(folder, day, lines); });
}

void History::flush(WallTime now, std::chrono::seconds keep) {
  const bool isTime = now < flushed_ || now - flushed_ >= std::chrono::seconds(1);
  if (isTime || noted_.size() > kMuch) {
    flushed_ = now;
    flushNow();
  }
  const bool isTimeToClean = now < cleaned_ || now - cleaned_ >= std::chrono::hours(1);
  if (!isTimeToClean || keep.count() == 0) return;
  cleaned_ = now;
  disk_.post([folder = folder_, day = dayOf(now - keep)] { removeBefore(folder, day); });
}

std::vector<History::Event> History::find(const std::string& folder, const Id128& id, WallTime now) {
  std::multimap<WallTime, std::string> inOrder;  // equal times stay as they were written
  const std::string wanted = id.text();
  // A clock that was set back may have written before the id's own time: look a day further.
  for (WallTime day = id.time() - std::chrono::hours(24); day <= now + std::chrono::hours(24); day += std::chrono::hours(24)) {
    std::ifstream file(folder + "/" + dayOf(day));
    for (std::string line; std::getline(file, line);) {
      if (line.size() < kTextAt || line.compare(kIdAt, wanted.size(), wanted) != 0) continue;
      const auto millis = parseDecimal(std::string_view(line).substr(0, kIdAt - 1));
      if (millis) inOrder.emplace(fromUnixMillis(static_cast<std::int64_t>(*millis)), line.substr(kTextAt));
    }
  }
  std::vector<Event> events;
  for (auto& [at, text] : inOrder) events.push_back({at, std::move(text)});
  return events;
}

}  // namespace ostler::spool
