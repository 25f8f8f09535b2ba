// status.cc - ostler status: is it running, and does every listener answer. --ready: exit status 0 only when all do.
#include <poll.h>
#include <sys/socket.h>
#include <sysexits.h>

#include <cerrno>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "libmailcore/base/unique_fd.h"
#include "queued/tools/common.h"
#include "queued/tools/supervisor_lock.h"

namespace ostler::tools {
namespace {

struct Row {
  std::string service;
  net::Endpoint address;
  bool greets = true;  ///< a TLS listener waits for the client: there a connection must do
};

std::vector<Row> rowsOf(const config::Config& config) {
  std::vector<Row> rows;
  const auto add = [&](const std::string& service, const config::Listener& listener) {
    rows.push_back(
        {service, listener.address, listener.tls != config::ListenerTls::implicit && listener.proxyFrom.empty()});
  };
  for (const config::VirtualServer& server : config.virtualServers) {
    for (const config::Listener& listener : server.listeners) add("smtp", listener);
  }
  for (const config::Listener& listener : config.pop3.listeners) add("pop3", listener);
  for (const config::Listener& listener : config.imap.listeners) add("imap", listener);
  for (const char* name : {"control", "submit", "smtpd"}) {
    net::Endpoint socket;
    socket.unixPath = config.socketPath(name);
    rows.push_back({name, socket, false});
  }
  return rows;
}

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

bool answers(const Row& row) {
  sockaddr_storage address{};
  const socklen_t length = reachable(row.address).toSockaddr(address);
  const UniqueFd fd(::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return false;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    if (errno != EINPROGRESS || !waitFor(fd.get(), POLLOUT)) return false;
    int failure = 0;
    socklen_t size = sizeof failure;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failure, &size) != 0 || failure != 0) return false;
  }
  if (!row.greets) return true;
  char first = 0;
  return waitFor(fd.get(), POLLIN) && ::recv(fd.get(), &first, 1, 0) == 1;
}

}  // namespace

int status(const Call& call) {
  CommonOptions options;
  bool ready = false;
  CLI::App app("Says whether the suite runs and which listeners answer. Exit status 0 when all do, else 69.");
  addConfigOption(app, options);
  addJsonOption(app, options);
  app.add_flag("--ready", ready, "print nothing");
  if (const auto exit = parse(app, call)) return *exit;
  const auto config = loadConfig(options);
  if (!config) return EX_CONFIG;

  const auto supervisor = SupervisorLock::holder(config->runDir);
  bool all = true;
  if (!ready && !options.json) fmt::print("supervisor {}\n", supervisor ? std::to_string(*supervisor) : "-");
  for (const Row& row : rowsOf(*config)) {
    const bool up = answers(row);
    all = all && up;
    if (ready && !up) break;
    if (ready) continue;
    if (options.json) {
      fmt::print("{}\n", nlohmann::json{{"service", row.service}, {"address", row.address.text()}, {"up", up}}.dump());
    } else {
      fmt::print("{:<10} {:<40} {}\n", row.service, row.address.text(), up ? "up" : "down");
    }
  }
  return all ? EX_OK : EX_UNAVAILABLE;
}

}  // namespace ostler::tools
