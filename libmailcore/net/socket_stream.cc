#include "libmailcore/net/socket_stream.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace ostler::net {
namespace {

bool wouldWait(int error) { return error == EAGAIN || error == EINTR; }

std::string words(int error) { return std::generic_category().message(error); }

Result<UniqueFd> openSocket(const Endpoint& to, const std::optional<IpAddress>& source) {
  const int family = !to.unixPath.empty() ? AF_UNIX : to.address.isV4() ? AF_INET : AF_INET6;
  UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return fail(Error::Kind::temporary, "socket: " + words(errno));
  if (family == AF_UNIX) return socket;
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (source) {
    sockaddr_storage from{};
    const socklen_t length = Endpoint{*source, 0, ""}.toSockaddr(from);
    // Or the kernel takes a port for every bind, though one per destination would do.
    ::setsockopt(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&from), length) != 0) {
      return fail(Error::Kind::temporary, "bind to " + source->text() + ": " + words(errno));
    }
  }
  return socket;
}

}  // namespace

SocketStream::SocketStream(Loop& loop, UniqueFd socket)
    : socket_(std::move(socket)), readable_(loop), writable_(loop), crossed_(loop) {
  const int fd = socket_.get();
  if (const int flags = ::fcntl(fd, F_GETFL); flags >= 0 && (flags & O_NONBLOCK) == 0) {
    ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  }
  event_assign(&edges_, loop.base(), fd, EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST, &SocketStream::onEdge, this);
  if (event_add(&edges_, nullptr) != 0) throw std::runtime_error("event_add failed");
}

SocketStream::~SocketStream() { event_del(&edges_); }

void SocketStream::onEdge(evutil_socket_t, short what, void* self) {
  auto& stream = *static_cast<SocketStream*>(self);
  stream.drained_ = false;
  if (what & EV_CLOSED) stream.closing_ = true;
  if (what & (EV_READ | EV_CLOSED)) stream.readable_.set();
  if (what & EV_WRITE) stream.writable_.set();
  stream.crossed_.set();
}

// Fewer octets than there was room for: the kernel has no more, and an edge will tell when it has (epoll(7)). That saves whoever
// answers and then waits a recv(2) in vain. A close that came together with the octets has had its edge, so it is looked for.
Result<std::optional<std::size_t>> SocketStream::tryRead(std::span<char> into) {
  if (drained_) return std::optional<std::size_t>();
  const ssize_t got = ::recv(socket_.get(), into.data(), into.size(), 0);
  drained_ = !closing_ && got > 0 && static_cast<std::size_t>(got) < into.size();
  if (got >= 0) return std::optional(static_cast<std::size_t>(got));
  if (wouldWait(errno)) return std::optional<std::size_t>();
  return fail(Error::Kind::closed, "recv: " + words(errno));
}

Task<Result<void>> SocketStream::waitReadable(Deadline deadline) {
  Result<void> woken;
  if (!interrupted_) woken = co_await readable_.wait(deadline);
  if (std::exchange(interrupted_, false)) co_return fail(Error::Kind::interrupted, "read interrupted");
  co_return woken;
}

Result<std::size_t> SocketStream::tryWrite(std::span<const std::string_view> parts) {
  std::array<iovec, 16> vector{};
  const std::size_t count = std::min(parts.size(), vector.size());
  for (std::size_t i = 0; i < count; ++i) vector[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
  msghdr message{};
  message.msg_iov = vector.data();
  message.msg_iovlen = count;
  const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (wouldWait(errno)) return std::size_t{0};
  return fail(Error::Kind::closed, "send: " + words(errno));
}

Task<Result<void>> SocketStream::waitWritable(Deadline deadline) { return writable_.wait(deadline); }

Task<Result<void>> SocketStream::writeFile(int fd, std::uint64_t offset, std::uint64_t length, Deadline deadline) {
  auto at = static_cast<off_t>(offset);
  while (length > 0) {
    const ssize_t sent = ::sendfile(socket_.get(), fd, &at, std::min<std::uint64_t>(length, 1U << 20));
    if (sent > 0) {
      length -= static_cast<std::uint64_t>(sent);
    } else if (sent == 0) {
      co_return fail(Error::Kind::permanent, "file is shorter than announced");
    } else if (!wouldWait(errno)) {
      co_return fail(Error::Kind::closed, "sendfile: " + words(errno));
    } else {
      const Result<void> woken = co_await writable_.wait(deadline);
      if (!woken) co_return woken;
    }
  }
  co_return Result<void>();
}

void SocketStream::interruptRead() {
  interrupted_ = true;
  readable_.set();
}

void SocketStream::shutdown() { ::shutdown(socket_.get(), SHUT_WR); }

std::unique_ptr<Stream> makeSocketStream(Loop& loop, UniqueFd socket) {
  return std::make_unique<SocketStream>(loop, std::move(socket));
}

Task<Result<std::unique_ptr<Stream>>> connectTo(Loop& loop, Endpoint to, std::optional<IpAddress> source, Deadline deadline) {
  sockaddr_storage address{};
  const socklen_t length = to.toSockaddr(address);
  if (length == 0) co_return fail(Error::Kind::permanent, "socket path too long: " + to.unixPath);
  Result<UniqueFd> socket = openSocket(to, source);
  if (!socket) co_return fail(socket.error());
  while (::connect(socket->get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    if (errno == EINPROGRESS) break;
    // A Unix socket whose backlog is full has no readiness to wait for.
    if (errno != EAGAIN || to.unixPath.empty() || deadline.passed()) {
      co_return fail(Error::Kind::temporary, "connect to " + to.text() + ": " + words(errno));
    }
    co_await loop.sleepUntil(Deadline::after(std::chrono::milliseconds(5)).orSooner(deadline));
  }
  auto stream = std::make_unique<SocketStream>(loop, std::move(*socket));
  if (to.unixPath.empty()) {
    const Result<void> writable = co_await stream->waitWritable(deadline);
    if (!writable) co_return fail(Error::Kind::timeout, "connect to " + to.text() + ": timed out");
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(stream->fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) co_return fail(Error::Kind::temporary, "connect to " + to.text() + ": " + words(error));
  }
  co_return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace ostler::net
