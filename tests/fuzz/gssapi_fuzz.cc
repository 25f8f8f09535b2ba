// Principals: whatever Kerberos calls somebody, the mailbox is in our domain and its name has no second '@'.
#include <algorithm>
#include <cassert>
#include <cstdint>

#include "libmailcore/sasl/gss_context.h"
#include "libmailcore/sasl/gssapi.h"

using namespace ostler;
using namespace ostler::sasl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t half = input.find('\n');
  const std::string_view acceptor = half == std::string_view::npos ? std::string_view("smtp/mail@EXAMPLE.TEST") : input.substr(half + 1);
  const auto user = userOfPrincipal({nullptr, "smtp", "EXAMPLE.TEST", "example.test"}, input.substr(0, half), acceptor);
  if (user) assert(user->ends_with("@example.test") && std::count(user->begin(), user->end(), '@') == 1 && acceptor.starts_with("smtp/"));
  return 0;
}
