// resolver.h - Resolver: what the suite asks the DNS, as an interface. unbound_resolver.h asks servers, fixed_resolver.h is for tests.
// RFC 1034, RFC 1035; RFC 4033 (what secure, insecure and bogus mean).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/net/address.h"
#include "libmailcore/net/tls.h"

namespace ostler::dns {

/// The types that mail needs, with their numbers.
enum class Type : std::uint16_t { a = 1, cname = 5, ptr = 12, mx = 15, txt = 16, aaaa = 28, tlsa = 52 };

enum class Status {
  secure,    ///< records, validated by DNSSEC
  insecure,  ///< records, not signed (or no trust anchor covers them)
  nodata,    ///< the name is there, such records are not
  nxdomain,  ///< the name is not there
  bogus,     ///< validation failed: believe nothing, try later
  tempfail,  ///< no server gave an answer: try later
};

struct Mx {
  std::uint16_t preference = 0;
  std::string exchange;  ///< empty: the root, which is how a null MX is written (RFC 7505)
  auto operator<=>(const Mx&) const = default;
};

/// Names are in text form, lower case, without the dot at the end; octets that would confuse are written \DDD (RFC 1035 5.1).
struct Answer {
  Status status = Status::tempfail;
  bool authenticated = false;    ///< validated by DNSSEC; true for denials (nodata, nxdomain) that were proven too
  bool expired = false;          ///< past its TTL, served because no server answers: RFC 8767
  std::chrono::seconds ttl{0};   ///< what is left of it
  std::string canonicalName{};     ///< the name at the end of the CNAMEs; the name asked for when there were none
  std::string why{};               ///< bogus, tempfail: for the log
  // Records of the type asked for, in the server's order.
  std::vector<net::IpAddress> addresses{};  ///< a, aaaa
  std::vector<Mx> mx{};
  std::vector<std::string> texts{};         ///< txt: the strings of one record joined (RFC 7208 3.3)
  std::vector<std::string> names{};         ///< ptr, cname
  std::vector<net::TlsaRecord> tlsa{};

  [[nodiscard]] bool found() const { return status == Status::secure || status == Status::insecure; }
  /// The DNS has spoken: there is no such record.
  [[nodiscard]] bool absent() const { return status == Status::nodata || status == Status::nxdomain; }
  bool operator==(const Answer&) const = default;
};

/// One loop.
class Resolver {
 public:
  virtual ~Resolver() = default;
  /// `name`: ASCII (see name.h for U-labels), with or without the dot at the end. What the DNS says, even "try later", is an Answer.
  /// Errors: syntax (not a name), timeout (no answer until the deadline).
  [[nodiscard]] virtual Task<Result<Answer>> lookup(std::string name, Type type, Deadline deadline) = 0;
};

}  // namespace ostler::dns
