// xclient.h - the argument of XCLIENT and XFORWARD: what a trusted host in front of us says about the client behind it.
// Is not: who may say so; that is the session's. Pure. No RFC: Postfix's XCLIENT_README and XFORWARD_README.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/result.h"

namespace ostler::smtp {

struct Attribute {
  std::string name;                  ///< upper case
  std::optional<std::string> value;  ///< decoded; nothing: the other side does not know it ("[UNAVAILABLE]", "[TEMPUNAVAIL]")
  bool operator==(const Attribute&) const = default;
};

/// `NAME=mail.example.com ADDR=192.0.2.1`, values in xtext; at least one attribute, each once. What is printable passes.
/// Errors: syntax; notFound (an attribute that is not `known`).
[[nodiscard]] Result<std::vector<Attribute>> parseAttributes(std::string_view argument, const std::vector<std::string_view>& known);
/// The reverse.
[[nodiscard]] std::string format(const std::vector<Attribute>& attributes);
/// ADDR's form of an address: IPv6 is written "IPV6:2001:db8::1".
[[nodiscard]] std::string_view bareAddress(std::string_view value);

}  // namespace ostler::smtp
