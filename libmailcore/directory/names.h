// names.h - domains and local parts in the one form in which the directory compares them. ICU stays behind this.
// RFC 5890 2.3.2.1 (A-labels), RFC 5891 5 and UTS 46 (how one gets there), RFC 5321 2.4 (case), RFC 6531 3.1 (UTF-8
// addresses).
#pragma once

#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::directory {

/// A domain in A-labels and lower case, without a final dot: "Bücher.Example." gives "xn--bcher-kva.example". Errors:
/// syntax (also for address literals: "[192.0.2.1]" is not a domain).
[[nodiscard]] Result<std::string> canonicalDomain(std::string_view domain);
/// A local part as it is compared. Deviates from RFC 5321 2.4: whose mail we take, we compare without case, as everyone
/// does. REQUIRES: without quotes. Errors: syntax (empty, control characters, not UTF-8, more than 64 octets: RFC
/// 5321 4.5.3.1.1).
[[nodiscard]] Result<std::string> foldLocalPart(std::string_view localPart);

/// An address in two pieces, quotes of the local part taken off. Neither is canonical yet.
struct Address {
  std::string localPart;
  std::string domain;                      ///< empty: a bare local part
  [[nodiscard]] std::string text() const;  ///< with quotes where RFC 5321 4.1.2 wants them
  bool operator==(const Address&) const = default;
};
/// "alice@example.test", "\"al ice\"@example.test", "alice", each also within < >. Errors: syntax.
[[nodiscard]] Result<Address> parseAddress(std::string_view text);

}  // namespace ostler::directory
