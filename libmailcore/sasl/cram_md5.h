// cram_md5.h - CRAM-MD5: the client hashes our challenge with the password. RFC 2195. Needs the password itself on our
// side, so it is off unless a listener names it, and works only for users whose secret the administrator made
// recoverable.
#pragma once

#include "libmailcore/sasl/mechanism.h"

namespace ostler::sasl {

[[nodiscard]] std::unique_ptr<Mechanism> makeCramMd5(Context context);

}  // namespace ostler::sasl
