// scram_client.h - a client's side of SCRAM, for tests: what a mail program does. RFC 5802 3.
#pragma once

#include <string>
#include <string_view>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"
#include "libmailcore/sasl/digest.h"
#include "libmailcore/sasl/scram_message.h"

namespace ostler::sasl {

class ScramClient {
 public:
  /// `gs2Header`: "n,,", "y,,", "p=tls-exporter,,"; `binding`: the data a "p" header binds to.
  ScramClient(Hash hash, std::string user, std::string password, std::string gs2Header = "n,,",
              std::string binding = "", std::string nonce = "clientnonce")
      : hash_(hash), password_(std::move(password)), gs2Header_(std::move(gs2Header)), binding_(std::move(binding)) {
    bare_ = "n=" + encodeSaslName(user) + ",r=" + nonce;
  }
  [[nodiscard]] std::string first() const { return gs2Header_ + bare_; }
  [[nodiscard]] std::string final(std::string_view serverFirst) {
    const auto parts = split(serverFirst, ',');
    const std::string salt = *decodeBase64(parts.at(1).substr(2));
    const auto iterations = static_cast<std::uint32_t>(*parseDecimal(parts.at(2).substr(2)));
    const std::string withoutProof = "c=" + encodeBase64(gs2Header_ + binding_) + "," + std::string(parts.at(0));
    const std::string authMessage = bare_ + "," + std::string(serverFirst) + "," + withoutProof;
    const std::string salted = pbkdf2(hash_, password_, salt, iterations);
    std::string proof = hmac(hash_, salted, "Client Key");
    const std::string signature = hmac(hash_, digest(hash_, proof), authMessage);
    for (std::size_t at = 0; at < proof.size(); ++at) proof[at] = static_cast<char>(proof[at] ^ signature[at]);
    serverSignature_ = hmac(hash_, hmac(hash_, salted, "Server Key"), authMessage);
    return withoutProof + ",p=" + encodeBase64(proof);
  }
  [[nodiscard]] bool serverIsGenuine(std::string_view serverFinal) const {
    return serverFinal == "v=" + encodeBase64(serverSignature_);
  }

 private:
  Hash hash_;
  std::string password_;
  std::string gs2Header_;
  std::string binding_;
  std::string bare_;
  std::string serverSignature_;
};

}  // namespace ostler::sasl
