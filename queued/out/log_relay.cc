#include "queued/out/log_relay.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "libmailcore/base/ascii.h"

namespace ostler::out {
namespace {

constexpr std::size_t kMostWaiting = 4U << 20;   ///< octets; beyond that lines go to the local syslog at once
constexpr std::size_t kTogether = 64 * 1024;     ///< octets in one write, about
constexpr int kLinesInOneTurn = 256;             ///< of one process, before others are heard
constexpr std::chrono::seconds kConnectWait{5};
constexpr std::chrono::seconds kWriteWait{10};
constexpr std::chrono::seconds kLongestBackOff{30};

tl::unexpected<Error> failed(const std::string& what) { return fail(Error::Kind::permanent, what + ": " + std::strerror(errno)); }

UniqueFd inheritedAt(const std::string& path) {
  const int count = sd_listen_fds(0);
  for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; ++fd) {
    if (sd_is_socket_unix(fd, SOCK_SEQPACKET, 1, path.c_str(), 0) <= 0) continue;
    UniqueFd ours(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (ours) ::fcntl(ours.get(), F_SETFL, ::fcntl(ours.get(), F_GETFL) | O_NONBLOCK);
    return ours;
  }
  return {};
}

Result<UniqueFd> listenAt(const std::string& path) {
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path) return fail(Error::Kind::permanent, "a socket's path has at most 107 octets: " + path);
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  ::unlink(path.c_str());  // what a killed process left behind; a live one holds out.sock, and we were refused before
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket || ::fchmod(socket.get(), 0660) != 0) return failed(path);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return failed(path);
  if (::chmod(path.c_str(), 0660) != 0 || ::listen(socket.get(), 128) != 0) return failed(path);
  return socket;
}

Result<UniqueFd> datagramsTo(const net::Endpoint& server) {
  sockaddr_storage address{};
  const socklen_t length = server.toSockaddr(address);
  UniqueFd socket(::socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0)
    return fail(Error::Kind::temporary, std::string("connect: ") + std::strerror(errno));
  return socket;
}

}  // namespace

Result<LogServer> makeLogServer(const config::LogSettings& settings) {
  LogServer server;
  server.address = settings.syslogServer;
  server.protocol = settings.syslogProtocol;
  server.name = settings.syslogName.empty() ? settings.syslogServer.address.text() : settings.syslogName;
  if (server.address == net::Endpoint{} || server.protocol != LogServer::Protocol::tls) return server;
  auto context = net::TlsClientContext::load(settings.syslogCa);
  if (!context) return fail(context.error());
  server.context = std::move(*context);
  return server;
}

std::string frameOf(std::string_view line) { return std::to_string(line.size()) + " " + std::string(line); }

// HEADER = PRI VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID; then SP STRUCTURED-DATA [SP MSG]. RFC 5424 6
Result<SyslogLine> parseSyslogLine(std::string_view line) {
  constexpr std::uint64_t kHighestPriority = 191;
  const auto broken = [] { return fail(Error::Kind::syntax, "this is no line of RFC 5424"); };
  const std::size_t close = line.find('>');
  if (line.empty() || line.front() != '<' || close == std::string_view::npos) return broken();
  const auto priority = parseDecimal(line.substr(1, close - 1), kHighestPriority);
  if (!priority) return broken();
  std::array<std::string_view, 7> words;  // version, time, host, program, process id, message id, structured data
  std::string_view rest = line.substr(close + 1);
  for (std::string_view& word : words) {
    const std::size_t blank = rest.find(' ');
    if (blank == std::string_view::npos) return broken();
    word = rest.substr(0, blank);
    rest.remove_prefix(blank + 1);
  }
  return SyslogLine{static_cast<int>(*priority), words[3], parseDecimal(words[4], UINT32_MAX).value_or(0), rest};
}

LogRelay::LogRelay(Loop& loop, log::Log log, log::LocalSyslog local)
    : loop_(loop), log_(std::move(log)), local_(std::move(local)), arrived_(loop), tasks_(loop) {}
LogRelay::~LogRelay() = default;

Result<void> LogRelay::listen(const std::string& path) {
  listening_ = inheritedAt(path);
  if (!listening_) {
    Result<UniqueFd> made = listenAt(path);
    if (!made) return fail(made.error());
    listening_ = std::move(*made);
  }
  onListening_ = whenReadable(listening_.get(), &LogRelay::onConnection);
  tasks_.spawn(run());
  return {};
}

void LogRelay::use(LogServer server) {
  next_ = std::move(server);  // a write may be under way
  arrived_.set();
}

void LogRelay::change() {
  if (!next_) return;
  server_ = std::move(*std::exchange(next_, std::nullopt));
  stream_.reset();
  datagrams_.reset();
  unsure_.clear();
  backOff_ = std::chrono::seconds(0);
  tryAgain_ = {};
}

Task<void> LogRelay::drain(Deadline deadline) {
  while (!deadline.passed() && (sending_ || !waiting_.empty()))
    co_await loop_.sleepUntil(Deadline::after(std::chrono::milliseconds(10)));
  if (stream_) stream_->shutdown();
}

// ---- lines in

std::unique_ptr<event, LogRelay::FreeEvent> LogRelay::whenReadable(int fd, event_callback_fn callback) {
  std::unique_ptr<event, FreeEvent> made(event_new(loop_.base(), fd, EV_READ | EV_PERSIST, callback, this));
  event_add(made.get(), nullptr);
  return made;
}

void LogRelay::onConnection(evutil_socket_t, short, void* self) {
  auto& relay = *static_cast<LogRelay*>(self);
  UniqueFd socket(::accept4(relay.listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket) return;
  const int fd = socket.get();
  relay.incoming_[fd] = {std::move(socket), relay.whenReadable(fd, &LogRelay::onLines)};
}

void LogRelay::onLines(evutil_socket_t fd, short, void* self) {
  auto& relay = *static_cast<LogRelay*>(self);
  for (int turn = 0; turn < kLinesInOneTurn; ++turn) {
    const ssize_t got = ::recv(fd, relay.line_.data(), relay.line_.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {  // that process ended
      relay.incoming_.erase(fd);
      return;
    }
    relay.take({relay.line_.data(), static_cast<std::size_t>(got)});
  }
}

void LogRelay::take(std::string line) {
  if (waitingOctets_ + line.size() > kMostWaiting) return toLocal({std::move(line)});
  waitingOctets_ += line.size();
  waiting_.push_back(std::move(line));
  arrived_.set();
}

std::vector<std::string> LogRelay::nextLines() {
  std::vector<std::string> lines;
  std::size_t octets = 0;
  while (!waiting_.empty() && octets < kTogether) {
    octets += waiting_.front().size();
    lines.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  waitingOctets_ -= octets;
  return lines;
}

// ---- lines out

void LogRelay::toLocal(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    const auto parts = parseSyslogLine(line);
    if (parts) local_.send(parts->priority, parts->program, parts->pid, parts->message);
  }
}

/// Told once; what was written last may be lost, so the local syslog has it, too.
void LogRelay::lost(const Error& error) {
  toLocal(std::exchange(unsure_, {}));
  stream_.reset();
  datagrams_.reset();
  backOff_ = std::clamp(backOff_ * 2, std::chrono::seconds(1), kLongestBackOff);
  tryAgain_ = std::chrono::steady_clock::now() + backOff_;
  if (std::exchange(away_, true)) return;
  log_.warn("log-server-away", {{"server", server_.address.text()}, {"reason", error.detail}});
}

Task<void> LogRelay::run() {
  for (;;) {
    sending_ = false;
    if (waiting_.empty()) {
      const Result<void> woken = co_await arrived_.wait(Deadline::never());
      (void)woken;
    }
    sending_ = true;
    change();
    const bool hasConnection = stream_ || datagrams_;
    const bool mayTry = server_.address != net::Endpoint{} && std::chrono::steady_clock::now() >= tryAgain_;
    Result<void> ready = fail(Error::Kind::temporary, "not connected");
    if (hasConnection || mayTry) ready = co_await connect();
    if (!ready && (hasConnection || mayTry)) lost(ready.error());
    std::vector<std::string> lines = nextLines();
    if (!ready) {
      toLocal(lines);
      co_await loop_.yield();
      continue;
    }
    const Result<void> sent = co_await sendLines(lines);
    if (sent) continue;
    toLocal(lines);
    lost(sent.error());
  }
}

/// Does nothing where there is a connection that the server has not closed.
Task<Result<void>> LogRelay::connect() {
  if (server_.protocol == LogServer::Protocol::udp) {
    if (datagrams_) co_return Result<void>();
    Result<UniqueFd> made = datagramsTo(server_.address);
    if (!made) co_return fail(made.error());
    datagrams_ = std::move(*made);
    co_return Result<void>();
  }
  if (stream_) {
    std::array<char, 256> ignored{};  // a syslog server says nothing
    const auto read = stream_->tryRead(ignored);
    if (read && (!*read || **read > 0)) co_return Result<void>();
    if (!read) toLocal(std::exchange(unsure_, {}));  // it was reset: what was written last may not have been read
    stream_.reset();
  }
  const LogServer server = server_;
  Result<std::unique_ptr<net::Stream>> made = co_await net::connectTo(loop_, server.address, std::nullopt, Deadline::after(kConnectWait));
  if (!made) co_return fail(made.error());
  if (server.protocol == LogServer::Protocol::tls) {
    net::TlsClientOptions options;
    options.serverName = server.name;
    options.context = server.context;
    Result<std::unique_ptr<net::Stream>> secured = co_await net::connectTls(loop_, std::move(*made), std::move(options), Deadline::after(kConnectWait));
    if (!secured) co_return fail(secured.error());
    made = std::move(secured);
  }
  stream_ = std::move(*made);
  unsure_.clear();
  backOff_ = std::chrono::seconds(0);
  if (std::exchange(away_, false)) log_.info("log-server-back", {{"server", server.address.text()}});
  co_return Result<void>();
}

Task<Result<void>> LogRelay::sendLines(std::vector<std::string> lines) {
  if (datagrams_) co_return sendDatagrams(lines);
  std::string octets;
  for (const std::string& line : lines) octets += frameOf(line);
  const std::array<std::string_view, 1> parts = {octets};
  const Result<void> written = co_await stream_->write(parts, Deadline::after(kWriteWait));
  if (!written) co_return written;
  unsure_ = std::move(lines);
  co_return Result<void>();
}

/// A port where nobody listens is told by the next datagram (ICMP): one line that was sent before may be lost. RFC 5426 4.1
Result<void> LogRelay::sendDatagrams(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    if (::send(datagrams_.get(), line.data(), line.size(), MSG_NOSIGNAL) >= 0) continue;
    if (errno != EAGAIN && errno != EMSGSIZE) return fail(Error::Kind::closed, std::string("send: ") + std::strerror(errno));
    toLocal({line});
  }
  if (std::exchange(away_, false)) log_.info("log-server-back", {{"server", server_.address.text()}});
  return {};
}

}  // namespace ostler::out
