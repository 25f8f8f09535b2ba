// prep.h - user names and passwords brought into the one form in which they are compared. ICU stays behind this.
// RFC 4013 (SASLprep), which RFC 4616 2 and RFC 5802 5.1 name. RFC 8265 (PRECIS) obsoletes it; the mechanisms' RFCs
// still name SASLprep, and for what people type the two agree but for compatibility characters, where clients in the
// field do RFC 4013.
#pragma once

#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::sasl {

enum class PrepMode {
  query,   ///< what a client sends: code points Unicode had not assigned in version 3.2 pass
  stored,  ///< what is written down: they are refused
};

/// Errors: syntax (not UTF-8, a prohibited character such as a control, mixed directions, nothing left of it).
[[nodiscard]] Result<std::string> saslPrep(std::string_view text, PrepMode mode = PrepMode::query);

}  // namespace ostler::sasl
