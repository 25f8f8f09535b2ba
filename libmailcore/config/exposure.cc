#include "libmailcore/config/exposure.h"

#include <libpsl.h>

#include <algorithm>
#include <cmath>

#include "libmailcore/base/ascii.h"
#include "libmailcore/config/names.h"

namespace ostler::config {
namespace {

/// From here on a family's networks are very many. Of IPv6 an eighth alone is given out at all, and much of it to nobody yet.
constexpr double kMostOfV4 = 1.0 / 8;
constexpr double kMostOfV6 = 1.0 / 1024;

/// What part of a family's addresses they cover; what lies within another is not counted again.
double coverage(std::vector<net::Cidr> networks) {
  std::ranges::sort(networks, {}, &net::Cidr::prefixLength);
  std::vector<net::Cidr> counted;
  double sum = 0;
  for (const net::Cidr& network : networks) {
    const auto holds = [&network](const net::Cidr& wider) { return wider.contains(network.network); };
    if (std::ranges::any_of(counted, holds)) continue;
    counted.push_back(network);
    sum += std::ldexp(1.0, -static_cast<int>(network.prefixLength));
  }
  return sum;
}

}  // namespace

Width widthOf(const net::Cidr& network) {
  if (network.prefixLength == 0) return Width::everybody;
  return network.prefixLength < (network.network.isV4() ? 8U : 16U) ? Width::large : Width::narrow;
}

std::vector<WideNetwork> wideAmong(const std::vector<net::Cidr>& networks) {
  std::vector<WideNetwork> wide;
  for (const net::Cidr& network : networks) {
    if (const Width width = widthOf(network); width != Width::narrow) wide.push_back({network.text(), width});
  }
  for (const bool isV4 : {true, false}) {
    std::vector<net::Cidr> narrow;
    std::ranges::copy_if(networks, std::back_inserter(narrow), [isV4](const net::Cidr& one) { return one.network.isV4() == isV4 && widthOf(one) == Width::narrow; });
    if (coverage(narrow) < (isV4 ? kMostOfV4 : kMostOfV6)) continue;
    wide.push_back({narrow.front().text() + " and " + std::to_string(narrow.size() - 1) + " more, together a great part of all addresses", Width::everybody});
  }
  return wide;
}

bool isAnybodys(std::string_view pattern) {
  if (pattern == "*") return true;
  if (!pattern.starts_with('.')) return false;
  return psl_is_public_suffix(psl_builtin(), asciiLower(pattern.substr(1)).c_str()) == 1;
}

std::string faultOfClientName(std::string_view name) {
  const std::string quoted = "'" + std::string(name) + "'";
  if (name == "*") return "'*' matches no client: there is no word for all of them here";
  const std::string fault = faultOfDomains(name);
  return !fault.empty() && (name.empty() || name == ".") ? quoted + " matches no client" : fault;
}

std::string faultOfTrustedName(std::string_view name) {
  if (std::string fault = faultOfClientName(name); !fault.empty()) return fault;
  const std::string quoted = "'" + std::string(name) + "'";
  return isAnybodys(name) ? quoted + " is an open relay: everybody can have a name there; name the domain" : std::string();
}

}  // namespace ostler::config
