#include "queued/health/probe.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "libmailcore/base/unique_fd.h"

namespace ostler::health {
namespace {

/// "0.0.0.0" is where one listens, not where one connects.
net::Endpoint reachable(net::Endpoint at) {
  if (!at.unixPath.empty()) return at;
  for (const char octet : at.address.octets()) {
    if (octet != 0) return at;
  }
  at.address = net::IpAddress::parse(at.address.isV4() ? "127.0.0.1" : "::1").value();
  return at;
}

bool waitFor(int fd, short events) {
  pollfd wait{fd, events, 0};
  return ::poll(&wait, 1, 2'000) == 1;
}

}  // namespace

std::vector<Probe> probesOf(const config::Config& config) {
  std::vector<Probe> rows;
  const auto add = [&](const std::string& service, const config::Listener& listener) {
    rows.push_back(
        {service, listener.address, listener.tls != config::ListenerTls::implicit && listener.proxyFrom.empty()});
  };
  for (const config::VirtualServer& server : config.virtualServers) {
    for (const config::Listener& listener : server.listeners) add("smtp", listener);
  }
  for (const config::Listener& listener : config.pop3.listeners) add("pop3", listener);
  for (const config::Listener& listener : config.imap.listeners) add("imap", listener);
  for (const net::Endpoint& address : config.healthListeners) rows.push_back({"http", address, false});
  for (const char* name : {"control", "submit", "smtpd"}) {
    net::Endpoint socket;
    socket.unixPath = config.socketPath(name);
    rows.push_back({name, socket, false});
  }
  return rows;
}

bool answers(const Probe& probe) {
  sockaddr_storage address{};
  const socklen_t length = reachable(probe.address).toSockaddr(address);
  const UniqueFd fd(::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return false;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    if (errno != EINPROGRESS || !waitFor(fd.get(), POLLOUT)) return false;
    int failure = 0;
    socklen_t size = sizeof failure;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failure, &size) != 0 || failure != 0) return false;
  }
  if (!probe.greets) return true;
  char first = 0;
  return waitFor(fd.get(), POLLIN) && ::recv(fd.get(), &first, 1, 0) == 1;
}

}  // namespace ostler::health
