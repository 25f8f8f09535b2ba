#include "libmailcore/config/names.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"
#include "libmailcore/net/address.h"

namespace ostler::config {
namespace {

constexpr std::size_t kLongestName = 255;
constexpr std::size_t kLongestLabel = 63;  // RFC 1035 2.3.4

bool isLabel(std::string_view label) {
  const auto fits = [](char c) { return isAsciiAlnum(c) || c == '-' || c == '_' || !isAscii(c); };
  return !label.empty() && label.size() <= kLongestLabel && std::all_of(label.begin(), label.end(), fits);
}

bool isName(std::string_view name) {
  const std::vector<std::string_view> labels = split(name, '.');
  return name.size() <= kLongestName && std::all_of(labels.begin(), labels.end(), &isLabel);
}

/// A name, or one with U-labels that can be written as such.
bool isDomain(std::string_view name) {
  if (isAllAscii(name)) return isName(name);
  const Result<std::string> labels = toALabels(name);
  return labels && isName(*labels);
}

bool isAddress(std::string_view text) {
  if (startsWithIgnoreCase(text, "IPv6:")) text.remove_prefix(5);
  return net::IpAddress::parse(text).has_value();
}

/// One domain, not many.
std::string faultOfDomain(std::string_view domain) {
  const bool isMany = domain == "*" || domain.starts_with('.');
  return isMany ? "'" + std::string(domain) + "' is not one domain" : faultOfDomains(domain);
}

/// Forwarded from domain to domain, and in the end to itself.
bool leadsBack(const Config& config, const RouteRule& from) {
  const auto next = [&config](const RouteRule& rule) -> const RouteRule* {
    const auto found = std::ranges::find_if(config.routes, [&rule](const RouteRule& other) {
      return other.action == RouteRule::Action::forward && other.sender.empty() && other.afterFailures == 0 && isSameDomain(other.domain, rule.host);
    });
    return found == config.routes.end() ? nullptr : &*found;
  };
  const RouteRule* at = next(from);
  for (std::size_t steps = 0; at != nullptr && at != &from && steps < config.routes.size(); ++steps) at = next(*at);
  return at == &from && !isSameDomain(from.domain, from.host);
}

}  // namespace

std::string_view HostAndPort::host() const {
  std::string_view host = isBracketed() ? written.substr(1, written.size() - 2) : written;
  if (startsWithIgnoreCase(host, "IPv6:")) host.remove_prefix(5);
  return host;
}

std::optional<HostAndPort> parseHost(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  // The colons of an address without brackets are its own.
  const bool hasPort = colon != std::string_view::npos && (text.find(':') == colon || text.substr(0, colon).ends_with(']'));
  if (!hasPort) return HostAndPort{text, std::nullopt};
  const auto port = parseDecimal(text.substr(colon + 1), 65'535);
  if (!port || *port == 0) return std::nullopt;
  return HostAndPort{text.substr(0, colon), static_cast<std::uint16_t>(*port)};
}

std::string faultOfHost(std::string_view host) {
  const std::string quoted = "'" + std::string(host) + "'";
  if (host.starts_with('[') || host.ends_with(']')) {
    const bool isWhole = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
    const std::string_view inside = isWhole ? host.substr(1, host.size() - 2) : std::string_view();
    return isAddress(inside) || isName(inside) ? std::string() : quoted + " is no [name] and no [address]";
  }
  if (isAddress(host) || isName(host)) return {};
  const std::size_t colon = host.rfind(':');
  const bool hasPort = colon != std::string_view::npos && parseDecimal(host.substr(colon + 1), 65'535) && faultOfHost(host.substr(0, colon)).empty();
  if (hasPort) return quoted + " has a port in it: write it as 'port: " + std::string(host.substr(colon + 1)) + "'";
  return quoted + " is no name of a host and no address";
}

std::string faultOfOwnName(std::string_view name) {
  const std::string quoted = "'" + std::string(name) + "'";
  if (name.size() > 2 && name.starts_with('[') && name.ends_with(']') && isAddress(name.substr(1, name.size() - 2))) return {};
  if (isAddress(name)) return quoted + " is an address: write it in brackets";
  const auto endsInHyphen = [](std::string_view label) { return label.starts_with('-') || label.ends_with('-'); };  // RFC 5321 4.1.2
  const std::vector<std::string_view> labels = split(name, '.');
  return isDomain(name) && std::ranges::none_of(labels, endsInHyphen) ? std::string() : quoted + " is no name of a host or domain";
}

std::string faultOfHostAndPort(std::string_view text) {
  const std::optional<HostAndPort> at = parseHost(text);
  return at ? faultOfHost(at->written) : "'" + std::string(text) + "': a port is a number from 1 to 65535";
}

std::string faultOfDomains(std::string_view pattern) {
  const std::string quoted = "'" + std::string(pattern) + "'";
  if (pattern == "*") return {};
  if (pattern.empty()) return "the domain is missing; '*' is for all";
  if (pattern.starts_with("*.")) return quoted + ": what is below a domain is written '" + std::string(pattern.substr(1)) + "'";
  if (pattern.starts_with('@')) return quoted + ": a domain is written without the @";
  if (pattern.find('@') != std::string_view::npos) return quoted + " is an address: a route is for a domain; for one address make an alias";
  const bool isLiteral = pattern.starts_with('[') && pattern.ends_with(']') && isAddress(pattern.substr(1, pattern.size() - 2));
  if (isLiteral || isDomain(pattern.starts_with('.') ? pattern.substr(1) : pattern)) return {};
  return quoted + " is no domain";
}

std::string faultOfSenders(std::string_view pattern) {
  const std::size_t at = pattern.rfind('@');
  if (at == std::string_view::npos || at == 0) return faultOfDomains(pattern);
  return faultOfDomains(pattern.substr(at + 1)).empty() ? std::string() : "'" + std::string(pattern) + "' is no address";
}

std::vector<std::string> faultsOfNames(const Config& config, const RouteRule& rule) {
  using Action = RouteRule::Action;
  std::vector<std::string> faults;
  const auto tell = [&faults](const char* key, const std::string& fault) {
    if (!fault.empty()) faults.push_back("'" + std::string(key) + "': " + fault);
  };
  tell("domain", faultOfDomains(rule.domain));
  if (!rule.sender.empty()) tell("sender", faultOfSenders(rule.sender));
  const bool toDomain = rule.action == Action::forward || rule.action == Action::drop;
  if (toDomain && !rule.host.empty()) tell("host", faultOfDomain(rule.host));
  if (!toDomain && !rule.host.empty() && !rule.host.starts_with('/')) tell("host", faultOfHost(rule.host));
  for (const std::string& relay : rule.fallback) tell("fallback", faultOfHostAndPort(relay));
  if (rule.action == Action::forward && leadsBack(config, rule)) faults.push_back("mail for " + rule.domain + " is forwarded in a circle");
  return faults;
}

const RouteRule* ruleBefore(const Config& config, const RouteRule& rule) {
  const auto takesAll = [&rule](const RouteRule& other) {
    return isSameDomain(other.domain, rule.domain) && other.sender.empty() && other.afterFailures == 0 && other.action != RouteRule::Action::peers;
  };
  const auto end = config.routes.begin() + (&rule - config.routes.data());
  const auto found = std::find_if(config.routes.begin(), end, takesAll);
  return found == end || rule.domain == "*" ? nullptr : &*found;
}

}  // namespace ostler::config
