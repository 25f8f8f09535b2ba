// bearer.h - OAUTHBEARER (RFC 7628) and XOAUTH2: a token says who the client is; jwt.h says whether it does.
#pragma once

#include <string>

#include "libmailcore/sasl/mechanism.h"

namespace ostler::sasl {

/// The client's one message.
struct BearerMessage {
  std::string user;  ///< whom it wants to be; may be empty: whom the token names
  std::string token;
};
/// `n,a=alice@example.test,` ^A `auth=Bearer TOKEN` ^A ^A. RFC 7628 3.1. Errors: syntax.
[[nodiscard]] Result<BearerMessage> parseOauthBearer(std::string_view data);
/// `user=alice@example.test` ^A `auth=Bearer TOKEN` ^A ^A. Errors: syntax.
[[nodiscard]] Result<BearerMessage> parseXoauth2(std::string_view data);

[[nodiscard]] std::unique_ptr<Mechanism> makeOauthBearer(Context context);
[[nodiscard]] std::unique_ptr<Mechanism> makeXoauth2(Context context);

}  // namespace ostler::sasl
