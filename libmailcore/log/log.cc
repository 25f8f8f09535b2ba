#include "libmailcore/log/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/log/format.h"
#include "libmailcore/log/local_syslog.h"
#include "libmailcore/log/relay_socket.h"
#include "libmailcore/metrics/counters.h"

namespace ostler::log {
namespace {

int syslogPriority(Level level) {
  constexpr int kPriorities[] = {LOG_DEBUG, LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR};
  return kPriorities[static_cast<std::size_t>(level)];
}

/// What strftime(3) makes of a pattern now, in local time; a name without % stays as it is.
std::string fileNow(const std::string& pattern) {
  if (pattern.find('%') == std::string::npos) return pattern;
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  char name[512];
  return {name, std::strftime(name, sizeof name, pattern.c_str(), &parts)};
}

std::string machineName() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

/// Takes the `length` octets away that were just appended, where nobody has appended since.
bool cutOff(int fd, std::size_t length) {
  struct stat file{};
  const off_t end = ::lseek(fd, 0, SEEK_CUR);  // in append mode: behind what was written last
  if (::fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || end != file.st_size || end < static_cast<off_t>(length)) return false;
  return ::ftruncate(fd, end - static_cast<off_t>(length)) == 0;
}

/// One write(2) a line: on a file in append mode lines of several processes do not mix. What cannot be written is
/// dropped: a full disk or a stopped reader of stderr must not stop mail. False: a piece of the line stands there.
bool writeLine(int fd, std::string_view line) {
  std::size_t before = 0;
  while (!line.empty()) {
    const ssize_t written = ::write(fd, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return before == 0 || cutOff(fd, before);
    before += static_cast<std::size_t>(written);
    line.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool handsItsGroupDown(const std::string& file) {
  struct stat folder{};
  const std::string path = file.substr(0, file.rfind('/') + 1);
  return ::stat(path.empty() ? "." : path.c_str(), &folder) == 0 && (folder.st_mode & S_ISGID) != 0;
}

/// In a folder that hands its group down processes with users of their own write the same files: whoever makes one opens it to the group,
/// whatever its umask. It gets its name when that is done, since the others may come at the same moment.
UniqueFd openShared(const std::string& name) {
  constexpr int kFlags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY;
  UniqueFd there(::open(name.c_str(), kFlags));
  if (there || errno != ENOENT) return there;
  if (handsItsGroupDown(name)) {
    const std::string aside = name + ".new-" + std::to_string(::getpid());
    UniqueFd made(::open(aside.c_str(), kFlags | O_CREAT | O_EXCL, 0600));
    const bool isNamed = made && ::fchmod(made.get(), 0660) == 0 && ::link(aside.c_str(), name.c_str()) == 0;
    ::unlink(aside.c_str());
    if (isNamed) return made;
  }
  return UniqueFd(::open(name.c_str(), kFlags | O_CREAT, 0660));
}

}  // namespace

/// What all copies of a Log share.
class Sink {
 public:
  using ModuleLevel = std::atomic<int>;
  static constexpr int kNone = -1;  ///< no level of its own: the sink's

  explicit Sink(Options options) : options_(std::move(options)), level_(static_cast<int>(options_.level)), relay_(options_.relay) {
    if (options_.counters) {
      counters_ = options_.counters;
    } else {
      count();
    }
    open();
  }
  [[nodiscard]] const std::shared_ptr<metrics::Counters>& counters() const { return counters_; }

  /// Lives as long as the sink, so Logs may point to it.
  [[nodiscard]] ModuleLevel& moduleLevel(std::string_view module) {
    const std::lock_guard lock(mutex_);
    return modules_.try_emplace(std::string(module), kNone).first->second;
  }
  void forgetModuleLevels() {
    const std::lock_guard lock(mutex_);
    for (auto& [module, level] : modules_) level.store(kNone, std::memory_order_relaxed);
  }
  [[nodiscard]] bool enabled(Level level, const ModuleLevel* own) const {
    const int ownLevel = own == nullptr ? kNone : own->load(std::memory_order_relaxed);
    return static_cast<int>(level) >= (ownLevel == kNone ? level_.load(std::memory_order_relaxed) : ownLevel);
  }
  void setLevel(Level level) { level_.store(static_cast<int>(level), std::memory_order_relaxed); }

  void write(Line line) {
    line.program = options_.program;
    if (counters_) {
      counters_->add(line.event);
      if (line.level >= Level::warn) counters_->add(line.level == Level::warn ? "level-warn" : "level-error");
    }
    line.time = std::chrono::system_clock::now();
    switch (options_.target) {
      case Options::Target::nothing:
        return;
      case Options::Target::syslog:
        return writeSyslog(line);
      case Options::Target::journald:
        return writeJournal(line);
      case Options::Target::standardError:
        (void)writeLine(STDERR_FILENO, form(line));
        return;
      case Options::Target::file:
        break;
    }
    std::string octets = form(line);
    const std::lock_guard lock(mutex_);  // reopen() changes the descriptor
    if (isTorn_) octets.insert(0, 1, '\n');
    isTorn_ = !writeLine(file_ ? file_.get() : STDERR_FILENO, octets);
  }

  void setServers(Log::Servers servers) {
    const std::lock_guard lock(mutex_);
    servers_.swap(servers);  // what nobody uses any more closes its file
    hasServers_.store(!servers_.empty(), std::memory_order_relaxed);
  }
  [[nodiscard]] Log::Servers servers() const {
    if (!hasServers_.load(std::memory_order_relaxed)) return {};
    const std::lock_guard lock(mutex_);
    return servers_;
  }
  [[nodiscard]] std::optional<Log> server(std::string_view name) const {
    if (!hasServers_.load(std::memory_order_relaxed)) return std::nullopt;
    const std::lock_guard lock(mutex_);
    const auto found = servers_.find(name);
    return found == servers_.end() ? std::nullopt : std::optional(found->second);
  }

  void reopen() { open(); }
  [[nodiscard]] bool changesFile() const {
    return options_.target == Options::Target::file && (options_.maxSize != 0 || options_.file.find('%') != std::string::npos);
  }
  void tick() {
    if (options_.target != Options::Target::file) return;
    const std::string name = fileNow(options_.file);
    {
      const std::lock_guard lock(mutex_);
      if (name == opened_ && !wasPutAside()) return;
    }
    open();
  }

 private:
  [[nodiscard]] std::string form(const Line& line) const {
    return options_.format == Options::Format::json ? formatJson(line) : formatText(line);
  }
  /// Without time and level, which syslog and the journal have of their own.
  [[nodiscard]] std::string text(const Line& line) const {
    std::string out = options_.format == Options::Format::json ? formatJson(line) : formatMessage(line);
    if (!out.empty() && out.back() == '\n') out.pop_back();
    return out;
  }

  void open() {
    if (options_.target != Options::Target::file) return;
    const std::string name = fileNow(options_.file);
    UniqueFd opened = openShared(name);
    if (!opened) {
      (void)writeLine(STDERR_FILENO, "cannot open the log file " + name + ": " + std::strerror(errno) +
                                         "; logging goes on where it went\n");
      return;
    }
    const std::lock_guard lock(mutex_);
    file_ = std::move(opened);
    opened_ = name;
    isTorn_ = false;
  }

  /// Is what we write to no longer the file of that name? Whoever of the processes that share it finds it full gives it another, which is
  /// its own, so that the second of two at once changes nothing. REQUIRES: the mutex.
  [[nodiscard]] bool wasPutAside() const {
    struct stat ours{}, there{};
    if (!file_ || ::fstat(file_.get(), &ours) != 0) return true;
    const bool isThere = ::stat(opened_.c_str(), &there) == 0 && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
    if (!isThere) return true;
    if (options_.maxSize == 0 || static_cast<std::uint64_t>(ours.st_size) < options_.maxSize) return false;
    const std::string aside = opened_ + fileNow(".%Y%m%d-%H%M%S.") + std::to_string(ours.st_ino);
    return ::renameat2(AT_FDCWD, opened_.c_str(), AT_FDCWD, aside.c_str(), RENAME_NOREPLACE) == 0;
  }

  /// Counting is a help, not a duty: where it cannot be done it is not.
  void count() {
    if (options_.countersDir.empty()) return;
    std::string name = options_.program;
    std::replace(name.begin(), name.end(), '/', '-');
    ::mkdir(options_.countersDir.c_str(), 0770);
    if (auto counters = metrics::Counters::open(options_.countersDir + "/" + name)) counters_ = std::move(*counters);
  }

  /// To the server, if there is one and the relay takes it; else to the local one: what the server misses is there.
  void writeSyslog(const Line& line) {
    const int priority = LOG_MAIL | syslogPriority(line.level);
    const auto pid = static_cast<std::uint64_t>(::getpid());
    const std::string message = text(line);
    const bool isTaken = !options_.relay.empty() && relay_.send(formatSyslog(line, priority, machine_, pid, message));
    if (!isTaken) local_.send(priority, line.program, pid, message);
  }

  /// Each field is a journal field of its own (OSTLER_CLIENT=...), beside the readable MESSAGE.
  void writeJournal(const Line& line) {
    std::vector<std::string> entries = {
        "MESSAGE=" + text(line), "PRIORITY=" + std::to_string(syslogPriority(line.level)),
        "SYSLOG_IDENTIFIER=" + options_.program, "OSTLER_EVENT=" + std::string(line.event)};
    if (!line.module.empty()) entries.push_back("OSTLER_MODULE=" + std::string(line.module));
    for (const Field& field : line.fields) {
      std::string name = "OSTLER_" + asciiUpper(field.key);
      for (char& c : name) {
        if (!isAsciiAlnum(c)) c = '_';
      }
      entries.push_back(name + "=" + field.value);
    }
    std::vector<iovec> vectors;
    for (std::string& entry : entries) vectors.push_back({entry.data(), entry.size()});
    if (::sd_journal_sendv(vectors.data(), static_cast<int>(vectors.size())) < 0) (void)writeLine(STDERR_FILENO, form(line));
  }

  const Options options_;
  std::atomic<int> level_;
  mutable std::mutex mutex_;
  UniqueFd file_;
  std::string opened_;    ///< its name
  bool isTorn_ = false;   ///< a piece of a line that did not fit stands at its end
  RelaySocket relay_;
  const LocalSyslog local_;
  const std::string machine_ = machineName();
  std::shared_ptr<metrics::Counters> counters_;
  std::map<std::string, ModuleLevel> modules_;  // nodes stay where they are
  Log::Servers servers_;
  std::atomic<bool> hasServers_{false};  ///< almost nobody has any: then no lock is taken
};

Log Log::open(const Options& options) {
  Log log;
  log.sink_ = std::make_shared<Sink>(options);
  return log;
}

Log Log::beside(Options options) const {
  if (sink_) options.counters = sink_->counters();
  return open(options);
}

Log Log::of(std::string_view virtualServer) const {
  const std::optional<Log> own = sink_ && !virtualServer.empty() ? sink_->server(virtualServer) : std::nullopt;
  if (!own) return *this;
  return module_.empty() ? *own : own->module(module_);
}

void Log::setServers(Servers servers) const {
  if (sink_) sink_->setServers(std::move(servers));
}

Log Log::module(std::string_view name) const {
  Log log = *this;
  log.module_ = name;
  if (sink_) log.ownLevel_ = &sink_->moduleLevel(name);
  return log;
}

bool Log::enabled(Level level) const {
  if (!sink_) return false;
  return sink_->enabled(level, ownLevel_);
}

void Log::write(Level level, std::string_view event, std::initializer_list<Field> fields) const {
  if (enabled(level)) sink_->write({{}, level, {}, module_, event, {fields.begin(), fields.size()}});
}

void Log::setLevel(std::string_view module, Level level) const {
  if (!sink_) return;
  if (module.empty()) return sink_->setLevel(level);
  sink_->moduleLevel(module).store(static_cast<int>(level), std::memory_order_relaxed);
}

void Log::forgetModuleLevels() const {
  if (sink_) sink_->forgetModuleLevels();
}

bool Log::changesFile() const {
  if (!sink_) return false;
  const Servers servers = sink_->servers();
  return sink_->changesFile() || std::any_of(servers.begin(), servers.end(), [](const auto& one) { return one.second.changesFile(); });
}

void Log::tick() const {
  if (!sink_) return;
  sink_->tick();
  for (const auto& [name, log] : sink_->servers()) log.tick();
}

void Log::reopen() const {
  if (!sink_) return;
  sink_->reopen();
  for (const auto& [name, log] : sink_->servers()) log.reopen();
}

}  // namespace ostler::log
