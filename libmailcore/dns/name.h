// name.h - domain names in text form. Pure. RFC 1035 2.3.4 (sizes), RFC 5891 (U-labels and A-labels).
#pragma once

#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::dns {

/// Lower case, without the dot at the end. Labels of 1 to 63 octets, 253 in all; letters, digits, hyphen, underscore, and what is
/// escaped by a backslash. Errors: syntax.
[[nodiscard]] Result<std::string> canonicalForm(std::string_view name);

/// A domain with U-labels in its ASCII form ("bücher.example" -> "xn--bcher-kva.example"); ASCII names in canonical form.
/// Errors: syntax.
[[nodiscard]] Result<std::string> toAscii(std::string_view name);

}  // namespace ostler::dns
