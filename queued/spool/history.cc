#include "queued/spool/history.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>

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

void removeBefore(const std::string& folder, const std::string& day) {
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    if (entry.path().filename().string() < day) std::filesystem::remove(entry.path(), none);
  }
}

/// Blocks.
std::vector<History::Event> find(const std::string& folder, const Id128& id, WallTime now) {
  std::multimap<WallTime, std::string> inOrder;  // equal times stay as they were written
  const std::string wanted = id.text();
  // What earlier versions wrote while a clock that was set back said less than the id stands under that day.
  const std::string first = dayOf(std::min(id.time(), now) - std::chrono::hours(24));
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    if (entry.path().filename().string() < first) continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (line.size() < kTextAt || line.compare(kIdAt, wanted.size(), wanted) != 0) continue;
      const auto millis = parseDecimal(std::string_view(line).substr(0, kIdAt - 1));
      if (millis) inOrder.emplace(fromUnixMillis(static_cast<std::int64_t>(*millis)), line.substr(kTextAt));
    }
  }
  std::vector<History::Event> events;
  for (auto& [at, text] : inOrder) events.push_back({at, std::move(text)});
  return events;
}

constexpr std::streamoff kLooksBack = 64 << 20;  ///< of a day: more than is written between two commits of the index

std::string lineOf(const Id128& id, WallTime at, std::string_view event) {
  std::string line = fmt::format("{:013} {} ", toUnixMillis(at), id.text());
  for (const char c : event) line += isAsciiControl(c) ? ' ' : c;
  return line + '\n';
}

/// Takes away from `all` what the end of the file says, each line one of them. Blocks.
void takeAwayKnown(const std::string& path, std::unordered_multimap<std::string, History::Retold>& all) {
  std::ifstream file(path, std::ios::ate);
  const std::streamoff size = file ? std::streamoff(file.tellg()) : 0;
  file.seekg(std::max<std::streamoff>(size - kLooksBack, 0));
  for (std::string line; !all.empty() && std::getline(file, line);) {
    if (line.size() < kTextAt) continue;
    const auto [first, last] = all.equal_range(line.substr(kIdAt, kTextAt - kIdAt - 1));
    const auto known = std::find_if(first, last, [&line](const auto& one) { return std::string_view(line).substr(kTextAt).starts_with(one.second.beginning); });
    if (known != last) all.erase(known);
  }
}

/// The last two days that something was written on.
std::vector<std::string> lastDays(const std::string& folder) {
  std::error_code none;
  std::vector<std::string> days;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) days.push_back(entry.path().string());
  std::sort(days.begin(), days.end(), std::greater<>());
  if (days.size() > 2) days.resize(2);
  return days;
}

}  // namespace

// Two locks: the loop notes while a job of the pool waits for the disk; and whoever reads first writes what is noted, so that it does
// not matter in which order the pool's threads take their jobs.
struct History::Pages {
  explicit Pages(std::string at) : folder(std::move(at)) {}

  std::size_t note(const std::string& day, std::string_view line) {
    const std::scoped_lock lock(noting);
    std::string& lines = noted[day];
    lines += line;
    return lines.size();
  }
  /// What cannot be written is lost; the log has it. REQUIRES: `writing` is held.
  void write() {
    std::map<std::string, std::string> taken;
    {
      const std::scoped_lock lock(noting);
      taken.swap(noted);
    }
    if (!taken.empty()) ::mkdir(folder.c_str(), 0700);
    for (const auto& [day, lines] : taken) {
      const UniqueFd file(::open((folder + "/" + day).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
      if (file) (void)writeAll(file.get(), lines).has_value();
    }
  }

  const std::string folder;
  std::mutex writing;  // the files
  std::mutex noting;   // `noted`, for a moment
  std::map<std::string, std::string> noted;  // by day
};

History::History(Pool& disk, std::string folder) : disk_(disk), pages_(std::make_shared<Pages>(std::move(folder))) {}

void History::note(const Id128& id, WallTime now, std::string_view event) {
  // Ids never go back, though a clock does: its day or a later one is where it is looked for.
  if (pages_->note(dayOf(std::max(now, id.time())), lineOf(id, now, event)) > kMuch) flushNow();
  if (!std::exchange(hasNotes_, true) && tell_) tell_();
}

void History::noteTranscript(const Id128& id, WallTime now, std::string_view transcript) {
  std::string line = "said";
  for (const std::string_view part : split(transcript, '\n')) {
    if (!part.empty()) line += " | " + std::string(part);
  }
  note(id, now, line);
}

void History::tellAgain(std::vector<Retold> all) {
  if (all.empty()) return;
  disk_.post([pages = pages_, all = std::move(all)] {
    const std::scoped_lock lock(pages->writing);
    std::unordered_multimap<std::string, Retold> missing;
    for (const Retold& one : all) missing.emplace(one.id.text(), one);
    for (const std::string& day : lastDays(pages->folder)) takeAwayKnown(day, missing);
    for (const auto& [id, one] : missing) (void)pages->note(dayOf(one.at), lineOf(one.id, one.at, one.text));
    pages->write();
  });
}

void History::flushNow() { disk_.post(writeDown()); }

std::function<void()> History::writeDown() const {
  return [pages = pages_] {
    const std::scoped_lock lock(pages->writing);
    pages->write();
  };
}

void History::flush(WallTime now, std::chrono::seconds keep) {
  if (hasNotes_ && (now < flushed_ || now - flushed_ >= std::chrono::seconds(1))) {
    flushed_ = now;
    hasNotes_ = false;
    flushNow();
  }
  const bool isTimeToClean = now < cleaned_ || now - cleaned_ >= std::chrono::hours(1);
  if (!isTimeToClean || keep.count() == 0) return;
  cleaned_ = now;
  disk_.post([pages = pages_, day = dayOf(now - keep)] { removeBefore(pages->folder, day); });
}

std::function<std::vector<History::Event>()> History::lookUp(const Id128& id, WallTime now) const {
  return [pages = pages_, id, now] {
    const std::scoped_lock lock(pages->writing);
    pages->write();
    return find(pages->folder, id, now);
  };
}

}  // namespace ostler::spool
