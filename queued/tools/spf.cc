#include "queued/tools/spf.h"

#include <algorithm>
#include <optional>

#include "libmailcore/base/ascii.h"

namespace ostler::tools {
namespace {

constexpr std::string_view kVersion = "v=spf1";

/// A mechanism behind its qualifier. Nothing: it cannot be told from here whether it is true.
std::optional<bool> matches(const std::string& mechanism, const SpfSender& sender) {
  const std::size_t colon = mechanism.find(':');
  const std::string name = mechanism.substr(0, colon);
  const std::string value = colon == std::string::npos ? "" : mechanism.substr(colon + 1);
  const bool isOfDomain = value.empty() || value == sender.domain;
  if (name == "all") return true;
  if (name == "mx" && isOfDomain) return sender.isMx;
  if (name == "a" && value == sender.hostName) return true;
  if (name == "a" && isOfDomain) return std::ranges::find(sender.domainAddresses, sender.address) != sender.domainAddresses.end();
  if (name != "ip4" && name != "ip6") return std::nullopt;
  const auto network = net::Cidr::parse(value);
  if (!network) return std::nullopt;
  return network->contains(sender.address);
}

}  // namespace

bool isSpf(std::string_view text) { return asciiLower(text.substr(0, text.find(' '))) == kVersion; }

SpfVerdict judgeSpf(std::string_view record, const SpfSender& sender) {
  for (const std::string_view word : split(record.substr(std::min(record.size(), kVersion.size())), ' ')) {
    std::string term = asciiLower(word);
    if (term.empty() || term.find('=') != std::string::npos) continue;  // a modifier: redirect counts when nothing matched
    const char qualifier = std::string_view("+-~?").find(term[0]) == std::string_view::npos ? '+' : term[0];
    if (term[0] == qualifier) term.erase(0, 1);
    const std::optional<bool> matched = matches(term, sender);
    if (!matched) return SpfVerdict::unknown;
    if (!*matched) continue;
    return qualifier == '+' ? SpfVerdict::passes : qualifier == '?' ? SpfVerdict::unknown : SpfVerdict::fails;
  }
  return SpfVerdict::unknown;  // neutral, or what another domain's record says
}

}  // namespace ostler::tools
