#include "libmailcore/smtp/pressure.h"

#include <algorithm>
#include <array>

#include "libmailcore/base/ascii.h"

namespace ostler::smtp {
namespace {

/// A host that goes on longer has said it by now.
constexpr std::size_t kTextMost = 4096;

constexpr int kAny = 0;

struct Sign {
  bool isFelt;
  int code;                   ///< kAny: every 4yz
  std::string_view enhanced;  ///< one of them, separated by |: "4.7.28", or how it begins when it ends in a dot; empty: any, or none
  std::string_view words;     ///< one of them, separated by |, in lower case; empty: any
  std::string_view name;
};

constexpr std::array kSigns = {
    // What speaks of one message, whatever else it says.
    Sign{false, kAny, "", "greylist|graylist|grey list|gray list|grey-list|gray-list|[gl0", "greylisting is of this sender and recipient"},
    Sign{false, kAny, "", "over quota|overquota|over its quota|over their quota|quota exceeded|mailbox full|mailbox is full|mailbox size", "a full mailbox is of its recipient"},
    Sign{false, kAny, "", "address rejected|sender rate|per sender|this sender|recipient rate|per recipient|this recipient|this user|recipient thread|authenticated",
         "a limit of one sender or recipient"},
    // RFC 3463 3.2, 3.3. But 421 ends the session, so it never speaks of a mailbox: some say it with 4.1.0.
    Sign{true, 421, "", "too many connections|too many concurrent|too many sessions|too many simultaneous|too many open|throttl", "421: too many connections, or too fast"},
    Sign{false, kAny, "4.1.", "", "4.1: of an address (RFC 3463 3.2)"},
    Sign{false, kAny, "4.2.", "", "4.2: of a mailbox (RFC 3463 3.3)"},
    Sign{false, kAny, "4.5.", "", "4.5: of this transaction (RFC 3463 3.6)"},
    Sign{false, kAny, "4.6.", "", "4.6: of this content (RFC 3463 3.7)"},
    // What speaks of the host.
    Sign{true, kAny, "4.3.2", "", "4.3.2: the host takes no mail now (RFC 3463 3.4)"},
    Sign{true, kAny, "4.4.5", "", "4.4.5: the host has too much to do (RFC 3463 3.5)"},
    Sign{true, kAny, "4.7.28", "", "4.7.28: too much mail from our address"},
    // RFC 7372 and its neighbours: DKIM, SPF, DMARC. "Rate limited because it is not signed" is of its sender.
    Sign{false, kAny, "4.7.20|4.7.21|4.7.22|4.7.23|4.7.24|4.7.26|4.7.27", "", "of the sender's domain (RFC 7372)"},
    Sign{true, kAny, "",
         "too many connections|too many concurrent|too many sessions|too many simultaneous|too many open connections|concurrent connection|connection limit|"
         "connection rate|connections from your|maximum number of connections|number of concurrent|trop de connexions",
         "too many connections"},
    Sign{true, kAny, "",
         "rate limit|rate-limit|ratelimit|rate exceeded|throttl|too much mail|too many messages|too many recipients from|too fast|slow down|unusual rate|unexpected volume|"
         "messages per hour|limits for how many messages|try again later from",
         "more mail than the host takes from us in a time"},
    Sign{true, kAny, "", "server busy|server is busy|too busy|too much load|load average|overload|insufficient system resources", "the host has too much to do"},
    // It ends the session, so it is of us; without a word why.
    Sign{true, 421, "4.7.0", "try again later", "421 4.7.0: our address is not welcome now"},
    Sign{true, 421, "", "service not available|service unavailable|service temporarily unavailable|shutting down", "421: the host goes down (RFC 5321 4.2.2)"},
};

bool isEnhanced(std::string_view pattern, std::string_view enhanced) {
  return pattern.ends_with('.') ? enhanced.starts_with(pattern) : enhanced == pattern;
}
bool isSaid(std::string_view word, std::string_view text) { return text.find(word) != std::string_view::npos; }

bool anyOf(std::string_view alternatives, bool (*fits)(std::string_view, std::string_view), std::string_view said) {
  const std::vector<std::string_view> all = split(alternatives, '|');
  return alternatives.empty() || std::any_of(all.begin(), all.end(), [&](std::string_view one) { return fits(one, said); });
}

}  // namespace

Pressure pressureOf(int code, std::string_view enhanced, std::string_view text) {
  if (code < 400 || code > 499) return {};
  std::string words = asciiLower(text.substr(0, kTextMost));
  std::replace(words.begin(), words.end(), '\n', ' ');
  for (const Sign& sign : kSigns) {
    const bool isCode = sign.code == kAny || sign.code == code;
    if (isCode && anyOf(sign.enhanced, &isEnhanced, enhanced) && anyOf(sign.words, &isSaid, words)) return {sign.isFelt, sign.name};
  }
  return {};
}

}  // namespace ostler::smtp
