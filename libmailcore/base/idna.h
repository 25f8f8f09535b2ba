// idna.h - domains in the one form in which they are compared, however they were written. ICU stays behind this.
// RFC 5890 2.3.2.1 (A-labels, U-labels), RFC 5891 5 and UTS 46 (how one gets from one to the other).
#pragma once

#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler {

/// A name with U-labels in A-labels: "Bücher.example" gives "xn--bcher-kva.example". Errors: syntax (IDNA does not allow it), temporary
/// (ICU has no data).
[[nodiscard]] Result<std::string> toALabels(std::string_view name);

/// A domain in A-labels, as every host takes it (RFC 6531 3.2); what is ASCII already, or no domain, stays as it is.
[[nodiscard]] std::string inALabels(std::string_view domain);
/// A domain, or a pattern with a dot in front, as it is compared: A-labels in lower case. What is no domain stays, in lower case.
[[nodiscard]] std::string comparableDomain(std::string_view domain);
/// The same of an address, or of a domain alone. Deviates from RFC 5321 2.4: local parts are compared without case, as everyone does.
[[nodiscard]] std::string comparableAddress(std::string_view address);
[[nodiscard]] bool isSameDomain(std::string_view a, std::string_view b);
[[nodiscard]] bool isSameAddress(std::string_view a, std::string_view b);

}  // namespace ostler
