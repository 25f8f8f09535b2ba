#include "libmailcore/log/relay_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>

namespace ostler::log {

bool RelaySocket::connect() {
  const auto now = std::chrono::steady_clock::now();
  sockaddr_un address{};
  if (now < lookAgain_ || path_.size() >= sizeof address.sun_path) return false;
  lookAgain_ = now + std::chrono::milliseconds(100);
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, path_.size());
  // Packets keep a line whole, and unlike datagrams they are limited by octets and not by ten of them (unix(7)).
  UniqueFd made(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made || ::connect(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return false;
  socket_ = std::move(made);
  return true;
}

bool RelaySocket::send(std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (!socket_ && !connect()) return false;
  if (::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL) >= 0) return true;
  if (errno == EAGAIN || errno == EMSGSIZE) return false;
  socket_.reset();
  return connect() && ::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL) >= 0;
}

}  // namespace ostler::log
