// Tokens and key sets of strangers: nothing that was not signed is ever believed, and messages read as what they say.
#include <cassert>
#include <cstdint>

#include "libmailcore/sasl/bearer.h"

using namespace ostler;
using namespace ostler::sasl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  (void)JwkSet::parse(input);
  const auto claimed = userOfIntrospection({}, input, fromUnixMillis(1'700'000'000'000));
  assert(!claimed || !claimed->empty());
  static const TokenRules kRules{JwkSet::parse(R"({"keys":[]})").value(), {}};
  assert(!userOfToken(kRules, input, fromUnixMillis(1'700'000'000'000)));
  if (const auto message = parseOauthBearer(input)) assert(!message->token.empty());
  if (const auto message = parseXoauth2(input)) assert(message->token.find('\x01') == std::string::npos);
  return 0;
}
