// log_relay.h - LogRelay: takes the log lines of all our processes and sends them to a syslog server: by UDP (RFC 5426), by TCP
// (RFC 6587 3.4.1, octet counts) or TLS (RFC 5425). It stands here because out is the one process that has the network.
// What the server misses goes to this machine's own syslog.
#pragma once

#include <event2/event.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/config/config.h"
#include "libmailcore/log/local_syslog.h"
#include "libmailcore/log/log.h"
#include "libmailcore/net/stream.h"
#include "libmailcore/net/tls.h"

namespace ostler::out {

/// Where lines go. Without an address: to the local syslog.
struct LogServer {
  using Protocol = config::LogSettings::SyslogProtocol;
  net::Endpoint address;
  Protocol protocol = Protocol::udp;
  std::string name;                                      ///< tls: what its certificate must name
  std::shared_ptr<const net::TlsClientContext> context;  ///< tls
};
/// Errors: permanent (the authorities' file).
[[nodiscard]] Result<LogServer> makeLogServer(const config::LogSettings& settings);

/// `MSG-LEN SP SYSLOG-MSG`. RFC 6587 3.4.1, RFC 5425 4.3.
[[nodiscard]] std::string frameOf(std::string_view line);

/// A line as RFC 5424 6 has it, in the parts a local syslog wants. Without structured data, as format.h writes it.
struct SyslogLine {
  int priority = 0;
  std::string_view program;
  std::uint64_t pid = 0;
  std::string_view message;
};
/// Errors: syntax.
[[nodiscard]] Result<SyslogLine> parseSyslogLine(std::string_view line);

/// One loop.
class LogRelay {
 public:
  LogRelay(Loop& loop, log::Log log, log::LocalSyslog local = log::LocalSyslog());
  ~LogRelay();
  LogRelay(const LogRelay&) = delete;
  LogRelay& operator=(const LogRelay&) = delete;

  /// The socket of systemd at that path, else a new one. Errors: permanent.
  [[nodiscard]] Result<void> listen(const std::string& path);
  /// From now on. Lines that wait go there, too.
  void use(LogServer server);
  /// Sends what waits, and says goodbye.
  [[nodiscard]] Task<void> drain(Deadline deadline);

 private:
  struct FreeEvent {
    void operator()(event* freed) const { event_free(freed); }
  };
  struct Incoming {
    UniqueFd socket;
    std::unique_ptr<event, FreeEvent> readable;
  };
  static void onConnection(evutil_socket_t, short, void* self);
  static void onLines(evutil_socket_t fd, short, void* self);
  std::unique_ptr<event, FreeEvent> whenReadable(int fd, event_callback_fn callback);
  void take(std::string line);
  void change();
  void toLocal(const std::vector<std::string>& lines);
  void lost(const Error& error);

  [[nodiscard]] Task<void> run();
  [[nodiscard]] Task<Result<void>> connect();
  [[nodiscard]] Task<Result<void>> sendLines(std::vector<std::string> lines);
  [[nodiscard]] Result<void> sendDatagrams(const std::vector<std::string>& lines);
  [[nodiscard]] std::vector<std::string> nextLines();

  Loop& loop_;
  log::Log log_;
  log::LocalSyslog local_;
  LogServer server_;
  std::optional<LogServer> next_;
  UniqueFd listening_;
  std::unique_ptr<event, FreeEvent> onListening_;
  std::map<int, Incoming> incoming_;
  std::vector<char> line_ = std::vector<char>(64 * 1024);  // one as it comes in, the longest there is
  std::deque<std::string> waiting_;
  std::size_t waitingOctets_ = 0;
  Signal arrived_;
  std::unique_ptr<net::Stream> stream_;  // tcp, tls
  UniqueFd datagrams_;                   // udp
  std::vector<std::string> unsure_;      // written last: the server may not have them
  bool away_ = false;
  bool sending_ = false;
  std::chrono::seconds backOff_{0};
  SteadyTime tryAgain_{};
  TaskScope tasks_;
};

}  // namespace ostler::out
