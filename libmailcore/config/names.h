// names.h - hosts and domains as somebody wrote them into the configuration, and what is wrong with them. Pure.
// What tells faults returns words for people, empty when nothing is wrong. Is not: whether there is such a host; `ostler doctor` asks the DNS.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/config/config.h"

namespace ostler::config {

/// A host to send to as it is typed: HOST or [ADDRESS], either with :PORT behind it.
struct HostAndPort {
  std::string_view written;          ///< the host, with its brackets
  std::optional<std::uint16_t> port;
  [[nodiscard]] bool isBracketed() const { return written.size() > 2 && written.starts_with('[') && written.ends_with(']'); }
  [[nodiscard]] std::string_view host() const;  ///< without brackets and without "IPv6:"
};
/// Views `text`. Nothing: what stands behind it is no port. Is not: whether that can be a host; see faultOfHost().
[[nodiscard]] std::optional<HostAndPort> parseHost(std::string_view text);

/// A host to send to: a name, [name] or an address.
[[nodiscard]] std::string faultOfHost(std::string_view host);
/// As faultOfHost(), or with ":port" behind it.
[[nodiscard]] std::string faultOfHostAndPort(std::string_view text);
/// What we call ourselves, or put behind an address: one host or domain, or [address].
[[nodiscard]] std::string faultOfOwnName(std::string_view name);
/// Which domains a route is for: "*", ".example.com" for those below it, or one domain.
[[nodiscard]] std::string faultOfDomains(std::string_view pattern);
/// Whose mail a route is for: an address, or as faultOfDomains().
[[nodiscard]] std::string faultOfSenders(std::string_view pattern);

/// What is wrong with the names in a route of this configuration, for themselves and with those of the other routes.
[[nodiscard]] std::vector<std::string> faultsOfNames(const Config& config, const RouteRule& rule);
/// The route before it that takes all mail for its one domain, so that it never gets any; null: none.
[[nodiscard]] const RouteRule* ruleBefore(const Config& config, const RouteRule& rule);

}  // namespace ostler::config
