// plain.h - PLAIN: authorization identity, user and password in one response. RFC 4616.
#pragma once

#include "libmailcore/sasl/mechanism.h"

namespace ostler::sasl {

struct PlainMessage {
  std::string authorizationId;
  std::string user;
  std::string password;
  bool operator==(const PlainMessage&) const = default;
};

/// message = [authzid] UTF8NUL authcid UTF8NUL passwd. RFC 4616 2. Errors: syntax.
[[nodiscard]] Result<PlainMessage> parsePlain(std::string_view data);
[[nodiscard]] std::string formatPlain(const PlainMessage& message);

[[nodiscard]] std::unique_ptr<Mechanism> makePlain(Context context);

}  // namespace ostler::sasl
