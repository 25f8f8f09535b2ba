#include "queued/tools/dns_records.h"

#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>
#include <memory>

#include <fmt/format.h>

namespace ostler::tools {
namespace {

using config::Listener;
using config::ListenerTls;
using config::SmtpKind;

const Listener* find(const std::vector<Listener>& listeners, ListenerTls tls, SmtpKind kind) {
  const auto found = std::find_if(listeners.begin(), listeners.end(), [&](const Listener& listener) {
    const bool reachable = listener.address.unixPath.empty() && !listener.address.address.isLoopback();
    return reachable && listener.tls == tls && listener.kind == kind;
  });
  return found == listeners.end() ? nullptr : &*found;
}

bool isPublic(const net::IpAddress& address) {
  const std::string text = address.text();
  return !address.isLoopback() && !text.starts_with("fe80:") && !text.starts_with("169.254.");
}

}  // namespace

std::vector<net::IpAddress> addressesOfThisHost() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> held(list, &::freeifaddrs);
  std::vector<net::IpAddress> addresses;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || (at->ifa_flags & IFF_UP) == 0) continue;
    const int family = at->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    const socklen_t length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    const auto endpoint = net::Endpoint::fromSockaddr(at->ifa_addr, length);
    if (endpoint && isPublic(endpoint->address)) addresses.push_back(endpoint->address);
  }
  return addresses;
}

std::string recordsFor(const config::Config& config, const std::string& domain,
                       const std::vector<net::IpAddress>& addresses) {
  const std::string host = config.hostName + ".";
  std::string text;
  for (const net::IpAddress& address : addresses)
    text += fmt::format("{} {} {}\n", host, address.isV4() ? "A" : "AAAA", address.text());
  if (addresses.empty()) text += fmt::format("{} A <this machine's address>\n", host);
  text += fmt::format("{}. MX 10 {}\n{}. TXT \"v=spf1 mx -all\"\n", domain, host, domain);
  const auto service = [&](const char* name, const std::vector<Listener>& listeners, ListenerTls tls, SmtpKind kind) {
    const Listener* const listener = find(listeners, tls, kind);
    if (listener != nullptr)
      text += fmt::format("_{}._tcp.{}. SRV 0 1 {} {}\n", name, domain, listener->address.port, host);
  };
  for (const config::VirtualServer& server : config.virtualServers) {
    service("submissions", server.listeners, ListenerTls::implicit, SmtpKind::submission);
    service("submission", server.listeners, ListenerTls::startTls, SmtpKind::submission);
  }
  service("imaps", config.imap.listeners, ListenerTls::implicit, SmtpKind::mx);
  service("imap", config.imap.listeners, ListenerTls::startTls, SmtpKind::mx);
  service("pop3s", config.pop3.listeners, ListenerTls::implicit, SmtpKind::mx);
  service("pop3", config.pop3.listeners, ListenerTls::startTls, SmtpKind::mx);
  for (const net::IpAddress& address : addresses)
    text += fmt::format("; whoever gave you {} sets its PTR record to {}\n", address.text(), host);
  return text;
}

}  // namespace ostler::tools
