// scram_message.h - the messages of SCRAM as values: parsed by the server, and formatted by the tests' client.
// RFC 5802 5 (attributes), 7 (grammar). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::sasl {

/// gs2-header client-first-message-bare. RFC 5802 7.
struct ClientFirst {
  char bindingFlag = 'n';       ///< n: no channel binding; y: the client could, but thinks we cannot; p: bound
  std::string bindingType;      ///< p: "tls-exporter", ...
  std::string authorizationId;  ///< decoded
  std::string user;             ///< decoded, not yet prepared
  std::string nonce;
  std::string gs2Header;  ///< as sent, with its last comma: comes again in the final message
  std::string bare;       ///< as sent: part of what is signed
};

struct ClientFinal {
  std::string channelBinding;  ///< decoded c=
  std::string nonce;
  std::string proof;  ///< decoded p=
  std::string withoutProof;
};

/// Errors: syntax; also for m= (a mandatory extension, which nobody has defined).
[[nodiscard]] Result<ClientFirst> parseClientFirst(std::string_view data);
/// Errors: syntax.
[[nodiscard]] Result<ClientFinal> parseClientFinal(std::string_view data);
[[nodiscard]] std::string formatServerFirst(std::string_view nonce, std::string_view salt, std::uint32_t iterations);

/// saslname: "," and "=" as =2C and =3D. RFC 5802 5.1. Errors: syntax.
[[nodiscard]] Result<std::string> decodeSaslName(std::string_view text);
[[nodiscard]] std::string encodeSaslName(std::string_view name);

}  // namespace ostler::sasl
