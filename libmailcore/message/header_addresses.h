// header_addresses.h - the domains in the addresses of a header, as a virtual server shows them to the world.
// Is not: the envelope; nor what submission adds (compose.h). RFC 6409 8.1 (a submission server may complete addresses), 8.2.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ostler::message {

struct ShownDomains {
  std::string own;       ///< the domain of the user who sends; empty: nothing is masqueraded
  std::string shown;     ///< stands instead of it in From, Sender and Reply-To; empty: the same
  std::string standard;  ///< behind addresses without a domain, in To, Cc and Bcc as well; empty: they stay so
};

/// The content with its header's addresses so; nothing when they are so already. A field that has nothing to change stays octet by octet, as does the body, and all of
/// what is signed or whose header does not end within `content`.
[[nodiscard]] std::optional<std::string> withShownDomains(std::string_view content, const ShownDomains& domains);

}  // namespace ostler::message
