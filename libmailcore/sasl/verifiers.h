// verifiers.h - what is kept of a password: enough to check it, by each mechanism in its own way, and (but for
// CRAM-MD5's) not enough to know it. Values; the directory stores them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/base/result.h"
#include "libmailcore/sasl/digest.h"

namespace ostler::sasl {

/// What a SCRAM server keeps. RFC 5802 2.2, 3.
struct ScramVerifier {
  std::string salt;
  std::uint32_t iterations = 0;
  std::string storedKey;  ///< H(ClientKey)
  std::string serverKey;
  template <class V>
  void fields(V& v) {
    v(salt, iterations, storedKey, serverKey);
  }
  bool operator==(const ScramVerifier&) const = default;
};

struct Verifiers {
  std::string passwordHash;  ///< "$argon2id$..." or a crypt(3) string; empty: no password opens this account
  std::optional<ScramVerifier> scramSha256;
  std::optional<ScramVerifier> scramSha1;
  std::string recoverableSecret;  ///< CRAM-MD5 needs the password itself; empty unless the administrator asked for it
  template <class V>
  void fields(V& v) {
    v(passwordHash, scramSha256, scramSha1, recoverableSecret);
  }
  bool operator==(const Verifiers&) const = default;
};

/// How verifiers are made. The costs are written into what is made, so changing them later breaks nothing.
struct VerifierOptions {
  std::uint32_t argon2MemoryKiB = 19 * 1024;
  std::uint32_t argon2Passes = 2;
  std::uint32_t scramIterations = 16'384;  ///< RFC 7677 4 asks for 4096 at least
  bool scramSha1 = false;
  bool recoverable = false;
};

/// Blocks for tens of milliseconds: belongs on a pool. Errors: syntax (the password cannot be prepared: RFC 4013).
[[nodiscard]] Result<Verifiers> makeVerifiers(std::string_view password, const VerifierOptions& options);
/// Errors: syntax.
[[nodiscard]] Result<ScramVerifier> makeScramVerifier(Hash hash, std::string_view password, std::string salt,
                                                      std::uint32_t iterations);

/// Is it the password? Knows argon2id's PHC strings and crypt(3): yescrypt ($y$), bcrypt ($2b$ and its older names),
/// SHA-512
/// ($6$) and SHA-256 ($5$). Blocks: belongs on a pool. Errors: permanent (a format nobody here knows; the text names
/// its prefix, never the hash).
[[nodiscard]] Result<bool> checkPassword(const std::string& passwordHash, std::string_view password);
/// May this string be imported as a password hash? Errors: syntax, with what is allowed.
[[nodiscard]] Result<void> checkHashFormat(std::string_view passwordHash);

}  // namespace ostler::sasl
