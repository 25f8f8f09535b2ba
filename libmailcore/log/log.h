// log.h - structured log lines: an event's name and key=value fields, as text or JSON, to stderr, journald, syslog or a
// file. One session id and one message id go through all daemons, so that one search tells a message's whole story.
// Rule: a password, a token or a message's content is never a field.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace ostler::metrics {
class Counters;
}

namespace ostler::log {

enum class Level { trace, debug, info, warn, error };

/// One field. Numbers come as text; values are quoted and escaped by the sink as its format needs.
struct Field {
  std::string_view key;
  std::string value;
  Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, std::uint64_t v) : key(k), value(std::to_string(v)) {}
  Field(std::string_view k, int v) : key(k), value(std::to_string(v)) {}
};

struct Options {
  enum class Target { standardError, journald, syslog, file, nothing } target = Target::standardError;
  enum class Format { text, json } format = Format::text;
  std::string program;      ///< "smtpd", "queued/spool"
  std::string file;         ///< with a % it is a pattern of strftime(3): another file when it names another
  std::uint64_t maxSize = 0;  ///< of a file in octets: a larger one is put aside, with the time behind its name; 0: never
  std::string relay;        ///< of target syslog: the socket of who sends to a server (relay_socket.h); empty: the local syslog
  std::shared_ptr<metrics::Counters> counters{};  ///< counts there; null: those of countersDir
  std::string countersDir;  ///< where the events are counted (metrics/counters.h); empty: nowhere
  Level level = Level::info;
};

/// How late a new day may come to a log of a file a day.
inline constexpr std::chrono::seconds kLogLook{5};

class Sink;

/// A module's voice. Copies share the sink. Any thread. A default-made Log says nothing.
class Log {
 public:
  Log() = default;
  /// Errors on opening the target are told on stderr, and stderr is used instead. A write is one small write(2); what
  /// cannot be written is dropped.
  static Log open(const Options& options);
  /// Another sink of the same process: it counts where this one does.
  [[nodiscard]] Log beside(Options options) const;
  /// The log of a virtual server that has one of its own, else this one.
  [[nodiscard]] Log of(std::string_view virtualServer) const;
  using Servers = std::map<std::string, Log, std::less<>>;
  /// Those logs, from now on: reopened, and looked at for a new day, together with this one.
  void setServers(Servers servers) const;
  /// The same sink under a module's name ("store"), with a level of its own if one is set.
  [[nodiscard]] Log module(std::string_view name) const;

  [[nodiscard]] bool enabled(Level level) const;
  void write(Level level, std::string_view event, std::initializer_list<Field> fields) const;
  void debug(std::string_view event, std::initializer_list<Field> fields = {}) const {
    write(Level::debug, event, fields);
  }
  void info(std::string_view event, std::initializer_list<Field> fields = {}) const {
    write(Level::info, event, fields);
  }
  void warn(std::string_view event, std::initializer_list<Field> fields = {}) const {
    write(Level::warn, event, fields);
  }
  void error(std::string_view event, std::initializer_list<Field> fields = {}) const {
    write(Level::error, event, fields);
  }

  /// At run time; an empty module name means all without a level of their own.
  void setLevel(std::string_view module, Level level) const;
  /// No module has a level of its own any more.
  void forgetModuleLevels() const;
  /// After rotation.
  void reopen() const;
  /// Goes on in another file: that of a new day, or a new one where the old is full or was taken away. Called now and then by a thread that may open files; those that may write on meanwhile.
  void tick() const;
  /// Has a file's name a date in it, or a file a largest size? Else nobody need tick().
  [[nodiscard]] bool changesFile() const;

 private:
  std::shared_ptr<Sink> sink_;
  std::string module_;
  const std::atomic<int>* ownLevel_ = nullptr;  // of the module, kept by the sink
};

}  // namespace ostler::log
