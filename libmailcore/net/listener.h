// listener.h - listening sockets: IPv4, IPv6, Unix; SO_REUSEPORT per worker; sockets handed over by systemd or the supervisor.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "libmailcore/net/stream.h"

namespace ostler::net {

/// The first socket at a TCP address refuses to share it with somebody who was there before (another instance, say: the kernel
/// would hand each half of the clients); further ones join it, one per worker, and the kernel spreads connections over them.
enum class Sharing { first, further };
/// Binds and listens. TCP: SO_REUSEADDR, SO_REUSEPORT, IPV6_V6ONLY. Unix: replaces a stale socket file, sets `unixMode`.
/// Errors: denied (port below 1024), exists (somebody listens there), permanent; with address and errno's words.
[[nodiscard]] Result<UniqueFd> listenOn(const Endpoint& at, unsigned unixMode = 0600, Sharing sharing = Sharing::first);
/// The sockets of LISTEN_FDS (sd_listen_fds(3)) with their addresses. Call once, at start.
[[nodiscard]] std::vector<std::pair<Endpoint, UniqueFd>> inheritedListeners();
[[nodiscard]] Result<Endpoint> localEndpoint(int fd);

/// Accepts on one loop and hands each connection on. Pauses for 100 ms when descriptors run out (EMFILE), and when paused.
class Listener {
 public:
  using OnAccept = std::function<void(std::unique_ptr<Stream>, Endpoint peer)>;
  Listener(Loop& loop, UniqueFd listening, OnAccept onAccept);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  [[nodiscard]] const Endpoint& local() const { return local_; }
  /// Takes no new connections while paused; the kernel's backlog holds them.
  void pause();
  void resume();

 private:
  struct Impl;
  Endpoint local_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ostler::net
