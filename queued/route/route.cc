#include "queued/route/route.h"

#include <fmt/format.h>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"
#include "libmailcore/config/names.h"

namespace ostler::route {

namespace {

using config::RouteRule;

void tell(Steps* steps, std::string text) {
  if (steps != nullptr) steps->push_back(std::move(text));
}

const char* nameOf(RouteRule::Action action) {
  switch (action) {
    case RouteRule::Action::mx: return "mx";
    case RouteRule::Action::smarthost: return "smarthost";
    case RouteRule::Action::lmtp: return "lmtp";
    case RouteRule::Action::drop: return "drop";
    case RouteRule::Action::reject: return "reject";
    case RouteRule::Action::forward: return "forward";
    case RouteRule::Action::peers: return "peers";
  }
  return "";
}

Route rejected(std::uint16_t code, std::string enhanced, std::string text) {
  Route route;
  route.kind = Route::Kind::reject;
  route.reply = {code, std::move(enhanced), std::move(text)};
  return route;
}

Route toNextHop(ipc::NextHop nextHop) {
  Route route;
  route.kind = Route::Kind::remote;
  route.nextHop = std::move(nextHop);
  return route;
}

/// A smarthost written in brackets, or an address, is asked itself; a bare name is looked up by MX as mail for it would be.
Route byHost(const RouteRule& rule, ipc::NextHop::Kind kind) {
  ipc::NextHop hop;
  hop.kind = kind;
  hop.name = rule.host;
  const bool isBracketed = hop.name.starts_with('[') && hop.name.ends_with(']');
  const bool isAddress = isBracketed && (hop.name.find_first_not_of("[]0123456789.:abcdefABCDEF") == std::string::npos ||
                                         startsWithIgnoreCase(hop.name, "[IPv6:"));
  if (isBracketed && !isAddress) hop.name = hop.name.substr(1, hop.name.size() - 2);
  const bool byItsMx = !isBracketed && kind == ipc::NextHop::Kind::host && !hop.name.starts_with('/') &&
                       !net::IpAddress::parse(hop.name);
  if (byItsMx) hop.kind = ipc::NextHop::Kind::mx;
  if (net::IpAddress::parse(hop.name)) hop.name = "[" + hop.name + "]";
  hop.port = rule.port;
  hop.tlsRequired = rule.tlsRequired;
  hop.tlsVerify = static_cast<std::uint8_t>(rule.tlsVerify);
  hop.user = rule.user;
  return toNextHop(std::move(hop));
}

/// An address that begins as a file or a program does ("/dev"@example.test) is written so that it cannot be taken for one.
std::string unmistakable(const std::string& address) {
  const std::size_t at = address.rfind('@');
  const bool isPlain = !address.starts_with('/') && !address.starts_with('|');
  return isPlain || at == std::string::npos ? address : '"' + address.substr(0, at) + '"' + address.substr(at);
}

/// The whole domain has moved: each address keeps its local part.
Route toOtherDomain(const RouteRule& rule, std::string_view forwardPath) {
  Route route;
  route.kind = Route::Kind::local;
  route.expansion.push_back(unmistakable(std::string(forwardPath.substr(0, forwardPath.rfind('@'))) + "@" + rule.host));
  return route;
}

Route byRule(const config::Config& config, const RouteRule& rule, const Query& query) {
  const std::string domain = domainOf(query.forwardPath);
  Route route;
  switch (rule.action) {
    case RouteRule::Action::mx: {
      route = toNextHop(byMx(config, domain));
      if (rule.port != 25) route.nextHop.port = rule.port;
      route.nextHop.tlsRequired = rule.tlsRequired;
      route.nextHop.tlsVerify = static_cast<std::uint8_t>(rule.tlsVerify);
      break;
    }
    case RouteRule::Action::smarthost: route = byHost(rule, ipc::NextHop::Kind::host); break;
    case RouteRule::Action::lmtp: route = byHost(rule, ipc::NextHop::Kind::lmtp); break;
    case RouteRule::Action::drop: route.kind = Route::Kind::drop; break;
    case RouteRule::Action::reject:
      route = rejected(550, "5.7.1", fmt::format("Mail for {} is not accepted here", query.forwardPath.substr(query.forwardPath.rfind('@') + 1)));
      break;
    case RouteRule::Action::forward: route = toOtherDomain(rule, query.forwardPath); break;
    case RouteRule::Action::peers:
      route.kind = Route::Kind::peers;
      if (isPeer(rule, query.client)) {
        // It asked us before it sent, or should have: passing it on could go round for ever.
        route = rejected(550, "5.1.1", fmt::format("There is no mailbox {} on this one of {}'s servers", query.forwardPath, domain));
      }
      break;
  }
  route.nextHop.fallbacks = rule.fallback.empty() ? config.outbound.fallbackRelays : rule.fallback;
  route.nextHop.fallbackLogin = rule.fallbackLogin && !rule.fallback.empty();
  route.rule = &rule;
  return route;
}

Route toMailboxes(const ipc::Resolution& resolution) {
  Route route;
  route.kind = Route::Kind::local;
  for (std::size_t at = 0; at < resolution.accounts.size(); ++at) {
    route.locals.push_back(
        {resolution.accounts[at], at < resolution.mailboxes.size() ? resolution.mailboxes[at] : std::string()});
  }
  for (const std::string& address : resolution.remote) route.expansion.push_back(unmistakable(address));
  for (const std::string& file : resolution.files) route.expansion.push_back(file);
  for (const std::string& pipe : resolution.pipes) {
    route.expansion.push_back(pipe.starts_with('|') ? pipe : "|" + pipe);
  }
  return route;
}

/// The rule whose peers carry the domain with us.
const RouteRule* peersOf(const config::Config& config, std::string_view domain, Steps* steps) {
  for (const RouteRule& rule : config.routes) {
    if (rule.action != RouteRule::Action::peers || domain.empty() || !namesDomain(rule, domain)) continue;
    tell(steps, fmt::format("{}: route \"{}\" (peers): the user is not here, the peers are asked", rule.place.text(), rule.shown()));
    return &rule;
  }
  return nullptr;
}

Route byDirectory(const config::Config& config, const Query& query, const ipc::Resolution& resolution, Steps* steps) {
  const std::string domain = domainOf(query.forwardPath);
  switch (resolution.kind) {
    case ipc::Resolution::Kind::local: {
      Route route = toMailboxes(resolution);
      if (route.locals.empty() && route.expansion.empty()) return rejected(550, "5.1.1", "The address leads nowhere");
      return route;
    }
    case ipc::Resolution::Kind::unknownUser: {
      const RouteRule* peers = peersOf(config, domain, steps);
      if (peers == nullptr) peers = peersOf(config, resolution.domain, steps);
      if (peers != nullptr) return byRule(config, *peers, query);
      return rejected(550, "5.1.1",
                      fmt::format("There is no mailbox {} here. Check the address for typing errors", query.forwardPath));
    }
    case ipc::Resolution::Kind::rejected: return rejected(550, "5.7.1", "The address takes no mail");
    case ipc::Resolution::Kind::tooMany: return rejected(550, "5.2.4", "The address leads to more places than one message can go to");
    case ipc::Resolution::Kind::loop: return rejected(554, "5.4.6", "The address's aliases lead back to itself");
    case ipc::Resolution::Kind::remote: break;
  }
  if (domain.empty()) return rejected(550, "5.1.3", "The address has no domain");
  const RouteRule* rule = ruleFor(config, query, steps);
  if (rule != nullptr) return byRule(config, *rule, query);
  tell(steps, "no route names it: delivered by MX");
  return toNextHop(byMx(config, domain));
}

/// Why a rule is passed over; empty: it decides.
std::string passedOver(const RouteRule& rule, const Query& query, std::string_view domain) {
  if (!matchesDomain(rule.domain, domain)) return "is for other domains";
  const bool isSender = rule.sender.find('@') != std::string::npos
                            ? isSameAddress(rule.sender, query.reversePath)
                            : matchesDomain(rule.sender, domainOf(query.reversePath));
  if (!rule.sender.empty() && !isSender) return "is for mail from " + rule.sender;
  if (query.failures < rule.afterFailures) return fmt::format("waits until {} attempts have failed", rule.afterFailures);
  return {};
}

/// The rule that names a domain of ours: as it is written, or else the one that it is an alias of.
const RouteRule* ruleOfOurs(const config::Config& config, const Query& query, const ipc::Resolution& resolution, Steps* steps) {
  for (const std::string& named : {domainOf(query.forwardPath), resolution.domain}) {
    for (const RouteRule& rule : config.routes) {
      const bool isAsked = !named.empty() && rule.action != RouteRule::Action::peers && namesDomain(rule, named);
      if (!isAsked || !passedOver(rule, query, named).empty()) continue;
      tell(steps, fmt::format("{}: route \"{}\" ({}) names the domain: decides before the directory", rule.place.text(), rule.shown(), nameOf(rule.action)));
      return &rule;
    }
  }
  return nullptr;
}

}  // namespace

std::string domainOf(std::string_view path) {
  const std::size_t at = path.rfind('@');
  return at == std::string_view::npos ? std::string() : comparableDomain(path.substr(at + 1));
}

bool matchesDomain(std::string_view anyPattern, std::string_view anyDomain) {
  const bool areAscii = isAllAscii(anyPattern) && isAllAscii(anyDomain);  // and so they stay as they are
  const std::string patternLabels = areAscii ? std::string() : comparableDomain(anyPattern);
  const std::string domainLabels = areAscii ? std::string() : comparableDomain(anyDomain);
  const std::string_view pattern = areAscii ? anyPattern : patternLabels;
  const std::string_view domain = areAscii ? anyDomain : domainLabels;
  const bool below = pattern.starts_with('.') && domain.size() > pattern.size() &&
                     equalsIgnoreCase(domain.substr(domain.size() - pattern.size()), pattern);
  return pattern == "*" || below || equalsIgnoreCase(pattern, domain);
}

bool namesDomain(const RouteRule& rule, std::string_view domain) { return isSameDomain(rule.domain, domain); }

const RouteRule* ruleFor(const config::Config& config, const Query& query, Steps* steps) {
  const std::string domain = domainOf(query.forwardPath);
  for (const RouteRule& rule : config.routes) {
    const std::string why = passedOver(rule, query, domain);
    tell(steps, fmt::format("{}: route \"{}\" ({}{}{}): {}", rule.place.text(), rule.shown(), nameOf(rule.action),
                            rule.host.empty() ? "" : " ", rule.host, why.empty() ? "decides" : why));
    if (why.empty()) return &rule;
  }
  return nullptr;
}

std::optional<ipc::NextHop> parseHost(std::string_view text) {
  const std::optional<config::HostAndPort> at = config::parseHost(text);
  if (!at) return std::nullopt;
  ipc::NextHop hop;
  hop.kind = ipc::NextHop::Kind::host;
  if (at->port) hop.port = *at->port;
  if (const auto address = net::IpAddress::parse(at->written)) {
    hop.name = "[" + address->text() + "]";
    return hop;
  }
  const std::string_view host = at->written;
  const bool isAllowed = host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") == std::string_view::npos;
  if (host.empty() || !isAllowed || host.starts_with('[') != host.ends_with(']')) return std::nullopt;
  hop.name = host;
  return hop;
}

bool isPeer(const RouteRule& rule, std::string_view client) {
  const Result<net::Endpoint> from = net::Endpoint::parse(client);
  if (client.empty() || !from || !from->unixPath.empty()) return false;
  for (const net::Endpoint& peer : rule.peers) {
    if (peer.address == from->address) return true;
  }
  return false;
}

ipc::NextHop byMx(const config::Config& config, std::string_view domain) {
  ipc::NextHop hop;
  // RFC 5321 5.1: an address literal is its own next hop.
  hop.kind = domain.starts_with('[') ? ipc::NextHop::Kind::host : ipc::NextHop::Kind::mx;
  hop.name = domain;
  hop.port = config.outbound.port;
  hop.fallbacks = config.outbound.fallbackRelays;
  return hop;
}

ipc::NextHop toPeer(const RouteRule& rule, const net::Endpoint& peer) {
  ipc::NextHop hop;
  hop.kind = ipc::NextHop::Kind::host;
  hop.name = "[" + peer.address.text() + "]";
  hop.port = peer.port;
  hop.tlsRequired = rule.tlsRequired;
  hop.tlsVerify = static_cast<std::uint8_t>(rule.tlsVerify);
  return hop;
}

Route route(const config::Config& config, const Query& query, const ipc::Resolution& resolution, Steps* steps) {
  Route route;
  if (query.fromAlias && (query.forwardPath.starts_with('/') || query.forwardPath.starts_with('|'))) {
    route.kind = query.forwardPath.starts_with('/') ? Route::Kind::file : Route::Kind::pipe;
    return route;
  }
  // Of a domain that is not ours the first rule that fits decides, as always; one of ours is the directory's unless a rule names it.
  const bool isOurs = resolution.kind != ipc::Resolution::Kind::remote;
  const RouteRule* const rule = isOurs ? ruleOfOurs(config, query, resolution, steps) : nullptr;
  if (rule != nullptr) {
    Route decided = byRule(config, *rule, query);
    if (!namesDomain(*rule, domainOf(query.forwardPath))) decided.folder = resolution.domain;
    return decided;
  }
  for (const std::string& step : resolution.steps) tell(steps, "directory: " + step);
  return byDirectory(config, query, resolution, steps);
}

const config::RetrySchedule& retryFor(const config::Config& config, const RouteRule* rule, std::string_view virtualServer) {
  static const config::RetrySchedule kDefault;
  if (rule != nullptr && rule->retry) return *rule->retry;
  for (const config::VirtualServer& server : config.virtualServers) {
    if (server.name == virtualServer) return server.retry;
  }
  return config.virtualServers.empty() ? kDefault : config.virtualServers.front().retry;
}

}  // namespace ostler::route
