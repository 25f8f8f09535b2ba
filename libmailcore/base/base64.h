// base64.h - base64 as protocols carry it. RFC 4648 4.
#pragma once

#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler {

[[nodiscard]] std::string encodeBase64(std::string_view octets);
/// Strict: full quanta, padding where it belongs, no other character. Errors: syntax.
[[nodiscard]] Result<std::string> decodeBase64(std::string_view text);

}  // namespace ostler
