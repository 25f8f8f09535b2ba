// typed_addresses.h - the addresses of a list as somebody types it, `root, Alice <alice@example.com>`, each without its name.
// Is not: the addresses of a header, which are read as far as they make sense; see address_list.h. Here nothing may be left out: who
// types `a@example.com b@example.com` must hear that this is no address.
// RFC 5322 3.4 (lists, names, groups).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ostler::message {

/// In order; what stands in brackets without them. What is no address is among them as it was typed, for the reader of paths to refuse.
[[nodiscard]] std::vector<std::string> typedAddresses(std::string_view text);

}  // namespace ostler::message
