#include "tests/bench/mailload/connection.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace mailload {

namespace {

constexpr int kTries = 50;
constexpr useconds_t kBetweenTries = 20'000;
constexpr std::size_t kMostOfTls = std::size_t{1} << 20;

int keepTicket(SSL* ssl, SSL_SESSION* session) {
  auto* const ticket = static_cast<Ticket*>(SSL_get_app_data(ssl));
  if (ticket == nullptr) return 0;
  ticket->resize(static_cast<std::size_t>(i2d_SSL_SESSION(session, nullptr)));
  unsigned char* to = ticket->data();
  i2d_SSL_SESSION(session, &to);
  return 0;
}

/// One for all connections: all of them resume, or none.
SSL_CTX* context(bool resumes) {
  static SSL_CTX* const made = [resumes] {
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_session_cache_mode(context, resumes ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF);
    SSL_CTX_sess_set_new_cb(context, keepTicket);
    return context;
  }();
  return made;
}

void sendAtOnce(int socket) {
  const int one = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

}  // namespace

Connection::Connection(const Options& options, std::size_t buffer, Ticket* ticket) : buffer_(buffer) {
  connectTo(options.text("host", "127.0.0.1"), static_cast<int>(options.number("port", 0)));
  if (options.flag("tls")) startTls(options.flag("resume"), ticket);
}

Connection::Connection(int socket, std::size_t buffer) : fd_(socket), buffer_(buffer) {
  sendAtOnce(fd_);
}

Connection::~Connection() {
  ssl_.reset();
  if (fd_ >= 0) ::close(fd_);
}

void Connection::connectTo(const std::string& host, int port) {
  const bool isV6 = host.find(':') != std::string::npos;
  sockaddr_storage to{};
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&to);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&to);
  to.ss_family = isV6 ? AF_INET6 : AF_INET;
  (isV6 ? v6->sin6_port : v4->sin_port) = htons(static_cast<std::uint16_t>(port));
  void* const address = isV6 ? static_cast<void*>(&v6->sin6_addr) : static_cast<void*>(&v4->sin_addr);
  if (::inet_pton(to.ss_family, host.c_str(), address) != 1) die("address " + host);
  fd_ = ::socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  for (int tried = 0; ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), isV6 ? sizeof *v6 : sizeof *v4) != 0; ++tried) {
    if (tried == kTries) die("connect " + host + ":" + std::to_string(port));
    ::usleep(kBetweenTries);
  }
  sendAtOnce(fd_);
}

void Connection::startTls(bool resumes, Ticket* ticket) {
  ssl_.reset(SSL_new(context(resumes)));
  SSL_set_fd(ssl_.get(), fd_);
  SSL_set_app_data(ssl_.get(), ticket);
  if (ticket != nullptr && !ticket->empty()) {
    const unsigned char* from = ticket->data();
    SSL_SESSION* const session = d2i_SSL_SESSION(nullptr, &from, static_cast<long>(ticket->size()));
    SSL_set_session(ssl_.get(), session);
    SSL_SESSION_free(session);
  }
  if (SSL_connect(ssl_.get()) != 1) die("TLS handshake");
}

void Connection::write(std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t sent = ssl_ ? SSL_write(ssl_.get(), octets.data(), static_cast<int>(std::min(octets.size(), kMostOfTls)))
                              : ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent <= 0) die("write");
    octets.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool Connection::readMore() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    scanned_ -= begin_;
    begin_ = 0;
  } else if (end_ == buffer_.size()) {
    buffer_.resize(buffer_.size() * 2);
  }
  char* const to = buffer_.data() + end_;
  const std::size_t room = buffer_.size() - end_;
  const ssize_t got = ssl_ ? SSL_read(ssl_.get(), to, static_cast<int>(room)) : ::read(fd_, to, room);
  if (got <= 0) return false;
  end_ += static_cast<std::size_t>(got);
  octetsRead_ += got;
  return true;
}

std::optional<std::string_view> Connection::lineAtHand() {
  const char* const from = buffer_.data() + scanned_;
  const auto* const lf = static_cast<const char*>(std::memchr(from, '\n', end_ - scanned_));
  if (lf == nullptr) {
    scanned_ = end_;
    return std::nullopt;
  }
  const char* const start = buffer_.data() + begin_;
  std::string_view line(start, static_cast<std::size_t>(lf - start));
  begin_ = scanned_ = static_cast<std::size_t>(lf + 1 - buffer_.data());
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view Connection::line() {
  for (;;) {
    if (const auto line = lineAtHand()) return *line;
    if (!readMore()) die("connection closed by the server");
  }
}

void Connection::skip(std::size_t octets) {
  while (octets > 0) {
    const std::size_t here = std::min(octets, end_ - begin_);
    begin_ += here;
    scanned_ = begin_;
    octets -= here;
    if (octets > 0 && !readMore()) die("closed in literal");
  }
}

}  // namespace mailload
