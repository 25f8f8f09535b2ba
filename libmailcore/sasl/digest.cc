#include "libmailcore/sasl/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdexcept>

namespace ostler::sasl {

namespace {

const EVP_MD* algorithm(Hash hash) {
  switch (hash) {
    case Hash::md5:
      return EVP_md5();
    case Hash::sha1:
      return EVP_sha1();
    case Hash::sha256:
      return EVP_sha256();
  }
  return nullptr;
}

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* octets(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

}  // namespace

std::size_t octetsOf(Hash hash) {
  return hash == Hash::md5 ? 16 : hash == Hash::sha1 ? 20 : 32;
}

std::string digest(Hash hash, std::string_view data) {
  std::string out(octetsOf(hash), '\0');
  unsigned size = 0;
  if (EVP_Digest(data.data(), data.size(), octets(out), &size, algorithm(hash), nullptr) != 1) {
    throw std::runtime_error("OpenSSL has no such digest");
  }
  return out;
}

std::string hmac(Hash hash, std::string_view key, std::string_view data) {
  std::string out(octetsOf(hash), '\0');
  unsigned size = 0;
  // A null key would mean "the key of the last call" to OpenSSL; an empty one is a key.
  const char* const keyOctets = key.empty() ? "" : key.data();
  if (HMAC(algorithm(hash), keyOctets, static_cast<int>(key.size()), octets(data), data.size(), octets(out), &size) ==
      nullptr) {
    throw std::runtime_error("OpenSSL has no such HMAC");
  }
  return out;
}

std::string pbkdf2(Hash hash, std::string_view password, std::string_view salt, std::uint32_t iterations) {
  std::string out(octetsOf(hash), '\0');
  if (PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), octets(salt), static_cast<int>(salt.size()),
                        static_cast<int>(iterations), algorithm(hash), static_cast<int>(out.size()),
                        octets(out)) != 1) {
    throw std::runtime_error("OpenSSL refused PBKDF2");
  }
  return out;
}

void wipe(std::string& secret) {
  OPENSSL_cleanse(secret.data(), secret.size());
}

}  // namespace ostler::sasl
