// exposure.h - how much of the world a list lets in: networks by how many addresses they have, clients' names by how many may have one. Pure.
// Is not: whether a client is on a list (policy/).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/net/address.h"

namespace ostler::config {

enum class Width { narrow, large, everybody };

[[nodiscard]] Width widthOf(const net::Cidr& network);

/// Each network that is too wide to be trusted, and why; then, if they are narrow one by one, that together they are most of a family.
struct WideNetwork {
  std::string text;  ///< "0.0.0.0/0"; "128.0.0.0/9 and 255 more, together a very large part of all addresses"
  Width width = Width::large;
};
[[nodiscard]] std::vector<WideNetwork> wideAmong(const std::vector<net::Cidr>& networks);

/// Does a pattern of domains take in those of people who have nothing to do with each other? "*", ".com", ".co.uk": the public suffix
/// list says so.
[[nodiscard]] bool isAnybodys(std::string_view pattern);

/// Why no client has that name; empty: one may.
[[nodiscard]] std::string faultOfClientName(std::string_view name);
/// Why clients must not be trusted by that name; empty: they may be. ".com" is everybody who pays for a name.
[[nodiscard]] std::string faultOfTrustedName(std::string_view name);

}  // namespace ostler::config
