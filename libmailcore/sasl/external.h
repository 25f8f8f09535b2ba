// external.h - EXTERNAL: the client is whom its verified TLS certificate names. RFC 4422 A.
#pragma once

#include "libmailcore/sasl/mechanism.h"

namespace ostler::sasl {

[[nodiscard]] std::unique_ptr<Mechanism> makeExternal(Context context);

}  // namespace ostler::sasl
