// xtext.h - how DSN parameters carry any octet: xtext, and its sister for UTF-8 addresses.
// RFC 3461 4 (xtext), RFC 6533 3 (utf-8-addr-xtext, utf-8-addr-unitext).
#pragma once

#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::smtp {

/// Every octet but "!" to "~" without "+" and "=" becomes +HH.
[[nodiscard]] std::string encodeXtext(std::string_view octets);
/// Errors: syntax.
[[nodiscard]] Result<std::string> decodeXtext(std::string_view text);

/// UTF-8 to the form that ASCII transports carry: what is not QCHAR becomes \x{HEX}. RFC 6533 3 utf-8-addr-xtext.
/// Errors: syntax (not UTF-8).
[[nodiscard]] Result<std::string> encodeUtf8AddressXtext(std::string_view utf8);
/// Takes both forms, utf-8-addr-xtext and utf-8-addr-unitext. Errors: syntax.
[[nodiscard]] Result<std::string> decodeUtf8Address(std::string_view text);

}  // namespace ostler::smtp
