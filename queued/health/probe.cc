#include "queued/health/probe.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "libmailcore/base/ascii.h"
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

/// A refusal need not say who refuses; who greets says it.
bool isOurs(const std::string& greeting, const std::string& name) {
  if (name.empty()) return !greeting.empty();
  const bool welcomes = greeting.starts_with("220") || greeting.starts_with("* OK") || greeting.starts_with("+OK");
  return !greeting.empty() && (!welcomes || asciiLower(greeting).find(asciiLower(name)) != std::string::npos);
}

bool waitFor(int fd, short events) {
  pollfd wait{fd, events, 0};
  return ::poll(&wait, 1, 2'000) == 1;
}

/// The first line, or as much of it as came; empty: nothing came.
std::string greetingFrom(int fd) {
  constexpr std::size_t kLongest = 4096;
  std::string line;
  while (line.size() < kLongest && line.find('\n') == std::string::npos && waitFor(fd, POLLIN)) {
    char some[512];
    const ssize_t got = ::recv(fd, some, sizeof some, 0);
    if (got <= 0) break;
    line.append(some, static_cast<std::size_t>(got));
  }
  return line;
}

}  // namespace

std::vector<Probe> probesOf(const config::Config& config) {
  std::vector<Probe> rows;
  const auto add = [&](const std::string& service, const config::Listener& listener, const std::string& name) {
    const bool greets = listener.tls != config::ListenerTls::implicit && listener.proxyFrom.empty();
    rows.push_back({service, listener.address, greets, name});
  };
  for (const config::VirtualServer& server : config.virtualServers) {
    for (const config::Listener& listener : server.listeners) add("smtp", listener, config.hostNameOf(server));
  }
  for (const config::Listener& listener : config.pop3.listeners) add("pop3", listener, config.hostName);
  for (const config::Listener& listener : config.imap.listeners) add("imap", listener, config.hostName);
  for (const net::Endpoint& address : config.healthListeners) rows.push_back({"http", address, false, ""});
  for (const char* name : {"control", "submit", "smtpd"}) {
    net::Endpoint socket;
    socket.unixPath = config.socketPath(name);
    rows.push_back({name, socket, false, ""});
  }
  return rows;
}

bool answers(const Probe& probe) {
  sockaddr_storage address{};
  const socklen_t length = reachable(probe.address).toSockaddr(address);
  const UniqueFd fd(::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return false;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    // A socket of the suite that is for others than who asks: smtpd.sock is smtpd's alone. Whether a process stands behind it is asked of
    // the roles.
    if (errno == EACCES && !probe.address.unixPath.empty()) return true;
    if (errno != EINPROGRESS || !waitFor(fd.get(), POLLOUT)) return false;
    int failure = 0;
    socklen_t size = sizeof failure;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failure, &size) != 0 || failure != 0) return false;
  }
  if (!probe.greets) return true;
  return isOurs(greetingFrom(fd.get()), probe.name);
}

}  // namespace ostler::health
