#include "libmailcore/sasl/verifiers.h"

#include <argon2.h>
#include <crypt.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/random.h"
#include "libmailcore/sasl/prep.h"

namespace ostler::sasl {

namespace {

constexpr std::size_t kSaltOctets = 16;
constexpr std::uint32_t kArgon2Octets = 32;
constexpr std::array<std::string_view, 6> kCryptPrefixes = {"$y$", "$2b$", "$2y$", "$2a$", "$6$", "$5$"};

bool startsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}
bool isArgon2id(std::string_view hash) {
  return startsWith(hash, "$argon2id$");
}
bool isCrypt(std::string_view hash) {
  for (const std::string_view prefix : kCryptPrefixes) {
    if (startsWith(hash, prefix)) return true;
  }
  return false;
}

/// "$argon2id" of "$argon2id$v=19$...": what may be said of a hash in a message.
std::string prefixOf(std::string_view hash) {
  const std::size_t end = hash.find('$', 1);
  return startsWith(hash, "$") && end <= 10 ? std::string(hash.substr(0, end + 1)) : "no prefix";
}

Result<std::string> hashArgon2id(std::string_view password, const VerifierOptions& options) {
  const std::string salt = randomOctets(kSaltOctets);
  constexpr std::uint32_t kLanes = 1;
  std::string encoded(argon2_encodedlen(options.argon2Passes, options.argon2MemoryKiB, kLanes,
                                        static_cast<std::uint32_t>(salt.size()), kArgon2Octets, Argon2_id),
                      '\0');
  const int outcome =
      argon2id_hash_encoded(options.argon2Passes, options.argon2MemoryKiB, kLanes, password.data(), password.size(),
                            salt.data(), salt.size(), kArgon2Octets, encoded.data(), encoded.size());
  if (outcome != ARGON2_OK)
    return fail(Error::Kind::temporary, std::string("argon2id: ") + argon2_error_message(outcome));
  encoded.resize(encoded.find('\0'));
  return encoded;
}

Result<bool> checkCrypt(const std::string& hash, const std::string& password) {
  const auto scratch = std::make_unique<crypt_data>();  // 32 KiB: not for the stack
  const char* const again = crypt_r(password.c_str(), hash.c_str(), scratch.get());
  if (again == nullptr || again[0] == '*') {
    return fail(Error::Kind::permanent,
                "crypt(3) does not accept the stored hash (" + prefixOf(hash) + "); set the password anew");
  }
  const bool same = equalsConstantTime(again, hash);
  explicit_bzero(scratch.get(), sizeof *scratch);
  return same;
}

}  // namespace

Result<ScramVerifier> makeScramVerifier(Hash hash, std::string_view password, std::string salt,
                                        std::uint32_t iterations) {
  Result<std::string> prepared = saslPrep(password, PrepMode::stored);
  if (!prepared) return fail(prepared.error());
  std::string salted = pbkdf2(hash, *prepared, salt, iterations);
  std::string clientKey = hmac(hash, salted, "Client Key");
  ScramVerifier made{std::move(salt), iterations, digest(hash, clientKey), hmac(hash, salted, "Server Key")};
  for (std::string* const secret : {&*prepared, &salted, &clientKey}) wipe(*secret);
  return made;
}

Result<Verifiers> makeVerifiers(std::string_view password, const VerifierOptions& options) {
  Result<std::string> prepared = saslPrep(password, PrepMode::stored);
  if (!prepared) return fail(prepared.error());
  Verifiers made;
  const Result<std::string> hash = hashArgon2id(*prepared, options);
  if (!hash) return fail(hash.error());
  made.passwordHash = *hash;
  const Result<ScramVerifier> sha256 =
      makeScramVerifier(Hash::sha256, *prepared, randomOctets(kSaltOctets), options.scramIterations);
  if (!sha256) return fail(sha256.error());
  made.scramSha256 = *sha256;
  if (options.scramSha1) {
    const Result<ScramVerifier> sha1 =
        makeScramVerifier(Hash::sha1, *prepared, randomOctets(kSaltOctets), options.scramIterations);
    if (!sha1) return fail(sha1.error());
    made.scramSha1 = *sha1;
  }
  if (options.recoverable) made.recoverableSecret = *prepared;
  wipe(*prepared);
  return made;
}

Result<bool> checkPassword(const std::string& passwordHash, std::string_view password) {
  Result<std::string> prepared = saslPrep(password);
  if (!prepared) return false;  // what cannot be prepared is nobody's password: RFC 4616 2
  Result<bool> same = false;
  if (isArgon2id(passwordHash)) {
    const int outcome = argon2id_verify(passwordHash.c_str(), prepared->data(), prepared->size());
    if (outcome == ARGON2_OK) {
      same = true;
    } else if (outcome != ARGON2_VERIFY_MISMATCH) {
      same = fail(Error::Kind::permanent, std::string("argon2id: ") + argon2_error_message(outcome));
    }
  } else if (isCrypt(passwordHash)) {
    same = checkCrypt(passwordHash, *prepared);
  } else {
    same = fail(Error::Kind::permanent,
                "password hash of an unknown format (" + prefixOf(passwordHash) + "); set the password anew");
  }
  wipe(*prepared);
  return same;
}

Result<void> checkHashFormat(std::string_view passwordHash) {
  for (const char c : passwordHash) {
    if (!isAscii(c) || isAsciiControl(c) || c == ' ' || c == ':')
      return fail(Error::Kind::syntax, "a password hash has no such character");
  }
  if (isCrypt(passwordHash) && passwordHash.size() > 20) return {};
  // The costs of a foreign hash are work for us at each login: m=KiB is bounded at 1 GiB, t at 100.
  if (isArgon2id(passwordHash)) {
    unsigned memory = 0;
    unsigned passes = 0;
    if (std::sscanf(std::string(passwordHash).c_str(), "$argon2id$v=19$m=%u,t=%u,p=", &memory, &passes) == 2 &&
        memory <= (1U << 20) && passes <= 100) {
      return {};
    }
  }
  return fail(Error::Kind::syntax,
              "not a password hash we can check; allowed: $argon2id$v=19$, $y$, $2b$, $6$, $5$ (crypt(3))");
}

}  // namespace ostler::sasl
