#include "libmailcore/config/route_faults.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"
#include "libmailcore/config/names.h"

namespace ostler::config {
namespace {

using Severity = Problem::Severity;

/// A host and a port that are looked for among our own; what cannot be read as such is told elsewhere.
struct Target {
  std::string host;
  std::uint16_t port;
};

Target targetOf(const std::string& text, std::uint16_t standard) {
  const std::optional<HostAndPort> at = parseHost(text);
  return at ? Target{std::string(at->host()), at->port.value_or(standard)} : Target{text, standard};
}

class Faults {
 public:
  Faults(const Config& config, const std::function<bool(const net::Endpoint&)>& isOurs) : config_(config), isOurs_(isOurs) {}

  std::vector<Problem> run(const Place& fallback) {
    for (const std::string& relay : config_.outbound.fallbackRelays) circle(fallback, relay, 25);
    for (const RouteRule& rule : config_.routes) {
      for (const std::string& relay : rule.fallback) circle(rule.place, relay, 25);
      // An address of ours as a smarthost has been told of with the route's names.
      if (rule.action == RouteRule::Action::smarthost && isOurName(rule.host, rule.port)) tellCircle(rule.place, rule.host, rule.port);
      recipients(rule);
      afterFailures(rule);
      if (rule.action == RouteRule::Action::drop && rule.callAhead)
        say(Severity::error, rule.place, "'call_ahead' asks the server that the mail goes to, and a drop folder is none");
      const bool isToHost = rule.action == RouteRule::Action::smarthost || rule.action == RouteRule::Action::lmtp;
      if (isToHost && rule.tlsVerify == net::TlsVerify::dane && net::IpAddress::parse(targetOf(rule.host, 25).host))
        say(Severity::error, rule.place, "tls_verify: dane needs a host by its name: an address has no TLSA records (RFC 7672 2.2)");
    }
    return std::move(problems_);
  }

 private:
  void say(Severity severity, const Place& place, std::string text) { problems_.push_back({severity, place, std::move(text)}); }

  [[nodiscard]] bool isOurName(const std::string& written, std::uint16_t standard) const {
    const Target at = targetOf(written, standard);
    const auto named = [&at](const VirtualServer& server) { return !server.hostName.empty() && isSameDomain(server.hostName, at.host); };
    const auto listens = [&at](const VirtualServer& server) {
      return std::ranges::any_of(server.listeners, [&at](const Listener& one) { return one.address.port == at.port; });
    };
    const bool isNamed = isSameDomain(config_.hostName, at.host) || std::ranges::any_of(config_.virtualServers, named);
    return isNamed && (at.port == 25 || std::ranges::any_of(config_.virtualServers, listens));
  }
  void circle(const Place& place, const std::string& written, std::uint16_t standard) {
    const Target at = targetOf(written, standard);
    const auto address = net::IpAddress::parse(at.host);
    if ((address && isOurs_({*address, at.port, {}})) || isOurName(written, standard)) tellCircle(place, at.host, at.port);
  }
  void tellCircle(const Place& place, const std::string& host, std::uint16_t port) {
    say(Severity::warning, place, host + " port " + std::to_string(port) + " is this server itself: mail would go in circles");
  }

  void recipients(const RouteRule& rule) {
    for (const std::string& one : rule.recipients) {
      const std::string quoted = "'recipients': '" + printable(one) + "'";
      const std::size_t at = one.rfind('@');
      const auto isOdd = [](char c) { return c == ' ' || c == ',' || c == '<' || c == '>' || isAsciiControl(c); };
      const bool isQuoted = one.starts_with('"');
      if (one.empty() || at == 0 || (!isQuoted && std::any_of(one.begin(), one.end(), isOdd))) {
        say(Severity::error, rule.place, quoted + " is no local part and no address");
      } else if (at != std::string::npos && !isOfRoute(rule, one.substr(at + 1))) {
        say(Severity::error, rule.place, quoted + " is not at " + rule.shown() + ": the route never sees its mail");
      }
    }
  }
  static bool isOfRoute(const RouteRule& rule, const std::string& domain) {
    const bool isBelow = rule.domain.starts_with('.') && comparableDomain(domain).ends_with(comparableDomain(rule.domain));
    return rule.domain == "*" || isBelow || isSameDomain(domain, rule.domain);
  }

  void afterFailures(const RouteRule& rule) {
    if (rule.afterFailures == 0) return;
    const auto hasOwn = [](const RouteRule& other) { return other.retry.has_value(); };
    const auto endsBefore = [&rule](const VirtualServer& server) {
      return server.retry.attempts && rule.afterFailures >= std::max(*server.retry.attempts, 1U);
    };
    const bool isNever = !config_.virtualServers.empty() && std::ranges::all_of(config_.virtualServers, endsBefore);
    if (isNever && std::ranges::none_of(config_.routes, hasOwn)) {
      say(Severity::warning, rule.place, "this route is never reached: retry.attempts gives mail up before it has failed " +
                                             std::to_string(rule.afterFailures) + " times");
    }
    RouteRule nothing;
    nothing.domain = rule.domain;
    nothing.written = rule.written;
    nothing.sender = rule.sender;
    nothing.afterFailures = rule.afterFailures;
    nothing.place = rule.place;
    const auto isElsewhere = [&rule](const RouteRule& other) { return &other != &rule && (other.action != RouteRule::Action::mx || !other.fallback.empty()); };
    if (rule == nothing && std::ranges::none_of(config_.routes, isElsewhere)) {
      say(Severity::warning, rule.place, "this route changes nothing: mail goes to the hosts of its domain before it has failed, too");
    }
  }

  const Config& config_;
  const std::function<bool(const net::Endpoint&)>& isOurs_;
  std::vector<Problem> problems_;
};

}  // namespace

std::vector<Problem> faultsOfRoutes(const Config& config, const Place& fallback, const std::function<bool(const net::Endpoint&)>& isOurs) {
  return Faults(config, isOurs).run(fallback);
}

}  // namespace ostler::config
