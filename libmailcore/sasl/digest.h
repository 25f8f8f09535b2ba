// digest.h - the hash functions under SASL: SHA-1, SHA-256, MD5, HMAC and PBKDF2. OpenSSL stays behind this.
// RFC 2104 (HMAC), RFC 8018 5.2 (PBKDF2, Hi() of RFC 5802 2.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ostler::sasl {

enum class Hash { md5, sha1, sha256 };

[[nodiscard]] std::size_t octetsOf(Hash hash);
[[nodiscard]] std::string digest(Hash hash, std::string_view data);
[[nodiscard]] std::string hmac(Hash hash, std::string_view key, std::string_view data);
/// Slow by design: belongs on a pool. One block: as many octets as the hash has.
[[nodiscard]] std::string pbkdf2(Hash hash, std::string_view password, std::string_view salt, std::uint32_t iterations);
/// Overwrites a secret in place, also when the optimiser thinks nobody looks any more.
void wipe(std::string& secret);

}  // namespace ostler::sasl
