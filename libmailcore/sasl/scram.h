// scram.h - SCRAM-SHA-256 and SCRAM-SHA-1, with channel binding as -PLUS: neither side shows the password, both prove
// they know it. RFC 5802 (SCRAM), RFC 7677 (SHA-256), RFC 9266 (tls-exporter), RFC 5929 4 (tls-server-end-point).
#pragma once

#include "libmailcore/sasl/mechanism.h"

namespace ostler::sasl {

[[nodiscard]] std::unique_ptr<Mechanism> makeScramSha256(Context context);
[[nodiscard]] std::unique_ptr<Mechanism> makeScramSha256Plus(Context context);
[[nodiscard]] std::unique_ptr<Mechanism> makeScramSha1(Context context);
[[nodiscard]] std::unique_ptr<Mechanism> makeScramSha1Plus(Context context);

}  // namespace ostler::sasl
