#include "queued/route/route.h"

#include <fmt/format.h>

#include "libmailcore/base/ascii.h"

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

Route byMx(const config::Config& config, std::string_view domain) {
  ipc::NextHop hop;
  // RFC 5321 5.1: an address literal is its own next hop.
  hop.kind = domain.starts_with('[') ? ipc::NextHop::Kind::host : ipc::NextHop::Kind::mx;
  hop.name = domain;
  hop.port = config.outbound.port;
  return toNextHop(std::move(hop));
}

/// A smarthost written in brackets, or an address, is asked itself; a bare name is looked up by MX as mail for it would be.
Route byHost(const RouteRule& rule, ipc::NextHop::Kind kind) {
  ipc::NextHop hop;
  hop.kind = kind;
  hop.name = rule.host;
  const bool isBracketedName = hop.name.starts_with('[') && hop.name.ends_with(']') &&
                               hop.name.find_first_not_of("[]0123456789.:abcdefABCDEF") != std::string::npos &&
                               !startsWithIgnoreCase(hop.name, "[IPv6:");
  if (isBracketedName) hop.name = hop.name.substr(1, hop.name.size() - 2);
  hop.port = rule.port;
  hop.tlsRequired = rule.tlsRequired;
  hop.tlsVerify = static_cast<std::uint8_t>(rule.tlsVerify);
  hop.user = rule.user;
  return toNextHop(std::move(hop));
}

Route byRule(const config::Config& config, const RouteRule& rule, std::string_view domain) {
  Route route;
  switch (rule.action) {
    case RouteRule::Action::mx: {
      route = byMx(config, domain);
      if (rule.port != 25) route.nextHop.port = rule.port;
      route.nextHop.tlsRequired = rule.tlsRequired;
      route.nextHop.tlsVerify = static_cast<std::uint8_t>(rule.tlsVerify);
      break;
    }
    case RouteRule::Action::smarthost: route = byHost(rule, ipc::NextHop::Kind::host); break;
    case RouteRule::Action::lmtp: route = byHost(rule, ipc::NextHop::Kind::lmtp); break;
    case RouteRule::Action::drop: route.kind = Route::Kind::drop; break;
    case RouteRule::Action::reject:
      route = rejected(550, "5.7.1", fmt::format("Mail for {} is not accepted here", domain));
      break;
  }
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
  route.expansion = resolution.remote;
  for (const std::string& file : resolution.files) route.expansion.push_back(file);
  for (const std::string& pipe : resolution.pipes) {
    route.expansion.push_back(pipe.starts_with('|') ? pipe : "|" + pipe);
  }
  return route;
}

Route byDirectory(const config::Config& config, std::string_view path, const ipc::Resolution& resolution, Steps* steps) {
  switch (resolution.kind) {
    case ipc::Resolution::Kind::local: {
      Route route = toMailboxes(resolution);
      if (route.locals.empty() && route.expansion.empty()) return rejected(550, "5.1.1", "The address leads nowhere");
      return route;
    }
    case ipc::Resolution::Kind::unknownUser:
      return rejected(550, "5.1.1", fmt::format("There is no mailbox {} here. Check the address for typing errors", path));
    case ipc::Resolution::Kind::rejected: return rejected(550, "5.7.1", "The address takes no mail");
    case ipc::Resolution::Kind::loop: return rejected(554, "5.4.6", "The address's aliases lead back to itself");
    case ipc::Resolution::Kind::remote: break;
  }
  const std::string domain = domainOf(path);
  if (domain.empty()) return rejected(550, "5.1.3", "The address has no domain");
  const RouteRule* rule = ruleFor(config, domain, steps);
  if (rule != nullptr) return byRule(config, *rule, domain);
  tell(steps, "no route names it: delivered by MX");
  return byMx(config, domain);
}

}  // namespace

std::string domainOf(std::string_view path) {
  const std::size_t at = path.rfind('@');
  return at == std::string_view::npos ? std::string() : asciiLower(path.substr(at + 1));
}

bool namesDomain(const RouteRule& rule, std::string_view domain) { return equalsIgnoreCase(rule.domain, domain); }

const RouteRule* ruleFor(const config::Config& config, std::string_view domain, Steps* steps) {
  for (const RouteRule& rule : config.routes) {
    const bool below = rule.domain.starts_with('.') && domain.size() > rule.domain.size() &&
                       equalsIgnoreCase(domain.substr(domain.size() - rule.domain.size()), rule.domain);
    const bool matches = rule.domain == "*" || below || namesDomain(rule, domain);
    tell(steps, fmt::format("{}: route \"{}\" ({}{}{}): {}", rule.place.text(), rule.domain, nameOf(rule.action),
                            rule.host.empty() ? "" : " ", rule.host, matches ? "decides" : "is for other domains"));
    if (matches) return &rule;
  }
  return nullptr;
}

Route route(const config::Config& config, std::string_view forwardPath, const ipc::Resolution& resolution, bool fromAlias,
            Steps* steps) {
  Route route;
  if (fromAlias && (forwardPath.starts_with('/') || forwardPath.starts_with('|'))) {
    route.kind = forwardPath.starts_with('/') ? Route::Kind::file : Route::Kind::pipe;
    return route;
  }
  const std::string domain = domainOf(forwardPath);
  for (const RouteRule& rule : config.routes) {
    if (domain.empty() || !namesDomain(rule, domain)) continue;
    tell(steps, fmt::format("{}: route \"{}\" ({}) names the domain: decides before the directory", rule.place.text(),
                            rule.domain, nameOf(rule.action)));
    return byRule(config, rule, domain);
  }
  for (const std::string& step : resolution.steps) tell(steps, "directory: " + step);
  return byDirectory(config, forwardPath, resolution, steps);
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
