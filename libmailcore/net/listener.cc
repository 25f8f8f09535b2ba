#include "libmailcore/net/listener.h"

#include <event2/event_struct.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "libmailcore/net/socket_stream.h"

namespace ostler::net {
namespace {

constexpr int kBacklog = 4096;      // the kernel cuts it to net.core.somaxconn
constexpr int kAcceptsATurn = 64;   // then the sessions have their turn
constexpr timeval kPauseWhenFull{0, 100'000};

tl::unexpected<Error> failedTo(const char* what, const Endpoint& at, int error) {
  const auto kind = error == EACCES || error == EPERM ? Error::Kind::denied
                    : error == EADDRINUSE             ? Error::Kind::exists
                    : error == EAFNOSUPPORT           ? Error::Kind::notFound
                                                      : Error::Kind::permanent;
  return fail(kind, std::string(what) + " " + at.text() + ": " + std::generic_category().message(error));
}

void setOn(int fd, int level, int option) {
  const int on = 1;
  ::setsockopt(fd, level, option, &on, sizeof on);
}

// A socket file that nobody answers at is left over from a process that was killed.
Result<void> removeStale(const Endpoint& at, const sockaddr_storage& address, socklen_t length) {
  struct stat status {};
  if (::lstat(at.unixPath.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) return failedTo("not a socket:", at, EADDRINUSE);
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int connected = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), length);
  if (connected == 0 || errno == EAGAIN) return failedTo("somebody listens at", at, EADDRINUSE);
  if (errno == ECONNREFUSED && ::unlink(at.unixPath.c_str()) != 0) return failedTo("unlink", at, errno);
  return {};
}

}  // namespace

Result<UniqueFd> listenOn(const Endpoint& at, unsigned unixMode, Sharing sharing) {
  sockaddr_storage address{};
  const socklen_t length = at.toSockaddr(address);
  if (length == 0) return failedTo("socket path of more than 107 octets:", at, ENAMETOOLONG);
  UniqueFd socket(::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return failedTo("socket for", at, errno);
  if (at.unixPath.empty()) {
    setOn(socket.get(), SOL_SOCKET, SO_REUSEADDR);
    if (sharing == Sharing::further) setOn(socket.get(), SOL_SOCKET, SO_REUSEPORT);
    if (address.ss_family == AF_INET6) setOn(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY);
  } else {
    if (const Result<void> removed = removeStale(at, address, length); !removed) return fail(removed.error());
    ::fchmod(socket.get(), unixMode);  // bind makes the file with these rights at most, so it is never wider for a moment
  }
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) return failedTo("bind to", at, errno);
  if (at.unixPath.empty()) setOn(socket.get(), SOL_SOCKET, SO_REUSEPORT);  // after bind: others may join, we joined nobody
  if (!at.unixPath.empty() && ::chmod(at.unixPath.c_str(), unixMode) != 0) return failedTo("chmod", at, errno);
  if (::listen(socket.get(), kBacklog) != 0) return failedTo("listen on", at, errno);
  return socket;
}

std::vector<std::pair<Endpoint, UniqueFd>> inheritedListeners() {
  std::vector<std::pair<Endpoint, UniqueFd>> out;
  const int count = sd_listen_fds(1);
  for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; ++fd) {
    UniqueFd owned(fd);
    if (Result<Endpoint> local = localEndpoint(fd)) out.emplace_back(std::move(*local), std::move(owned));
  }
  return out;
}

Result<Endpoint> localEndpoint(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return fail(Error::Kind::permanent, "getsockname: " + std::generic_category().message(errno));
  }
  auto endpoint = Endpoint::fromSockaddr(reinterpret_cast<const sockaddr*>(&address), length);
  if (!endpoint) return fail(Error::Kind::permanent, "a socket of an unknown family");
  return std::move(*endpoint);
}

struct Listener::Impl {
  Impl(Loop& on, UniqueFd socket, OnAccept callback) : loop(on), listening(std::move(socket)), onAccept(std::move(callback)) {
    ::fcntl(listening.get(), F_SETFL, ::fcntl(listening.get(), F_GETFL) | O_NONBLOCK);
    setOn(listening.get(), IPPROTO_TCP, TCP_NODELAY);  // what is accepted inherits it
    event_assign(&arrival, loop.base(), listening.get(), EV_READ | EV_PERSIST,
                 [](evutil_socket_t, short, void* self) { static_cast<Impl*>(self)->acceptAll(); }, this);
    event_assign(&retry, loop.base(), -1, 0,
                 [](evutil_socket_t, short, void* self) {
                   if (!static_cast<Impl*>(self)->paused) event_add(&static_cast<Impl*>(self)->arrival, nullptr);
                 },
                 this);
    if (event_add(&arrival, nullptr) != 0) throw std::runtime_error("event_add failed");
  }
  ~Impl() {
    event_del(&arrival);
    event_del(&retry);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void acceptAll() {
    for (int i = 0; i < kAcceptsATurn && !paused; ++i) {
      sockaddr_storage address{};
      socklen_t length = sizeof address;
      UniqueFd socket(
          ::accept4(listening.get(), reinterpret_cast<sockaddr*>(&address), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!socket) return refused(errno);
      auto peer = Endpoint::fromSockaddr(reinterpret_cast<const sockaddr*>(&address), length);
      if (!peer) continue;
      try {
        onAccept(std::make_unique<SocketStream>(loop, std::move(socket)), std::move(*peer));
      } catch (const std::exception&) {
        return refused(ENOMEM);  // out of memory or of epoll watches; libevent's C must not be unwound
      }
    }
  }
  // Without descriptors the event would fire again at once, for ever.
  void refused(int error) {
    if (error != EMFILE && error != ENFILE && error != ENOBUFS && error != ENOMEM) return;
    event_del(&arrival);
    event_add(&retry, &kPauseWhenFull);
  }

  Loop& loop;
  UniqueFd listening;
  OnAccept onAccept;
  event arrival{};
  event retry{};
  bool paused = false;
};

Listener::Listener(Loop& loop, UniqueFd listening, OnAccept onAccept)
    : local_(localEndpoint(listening.get()).value_or(Endpoint())),
      impl_(std::make_unique<Impl>(loop, std::move(listening), std::move(onAccept))) {}

Listener::~Listener() = default;

void Listener::pause() {
  impl_->paused = true;
  event_del(&impl_->arrival);
}

void Listener::resume() {
  impl_->paused = false;
  event_add(&impl_->arrival, nullptr);
}

}  // namespace ostler::net
