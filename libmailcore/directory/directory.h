// directory.h - domains, users and aliases: the values, and the face that all kinds of directories have.
// Is not: routing (queued/route), nor what a password is (sasl/verifiers.h).
// Every call may block (disk; LDAP, SQL or PAM elsewhere): it belongs on a pool.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/ids.h"
#include "libmailcore/base/result.h"
#include "libmailcore/directory/names.h"
#include "libmailcore/sasl/verifiers.h"

namespace ostler::directory {

/// Where a domain's users come from.
enum class Kind : std::uint8_t {
  own = 0,     ///< our LMDB
  system = 1,  ///< passwd(5) and PAM
  sql = 2,
  ldap = 3,
};
[[nodiscard]] std::string_view nameOf(Kind kind);
[[nodiscard]] std::optional<Kind> kindNamed(std::string_view name);

/// 0: unlimited. A user's own limit wins over the domain's.
struct Limits {
  std::uint64_t mailboxOctets = 0;
  std::uint64_t mailboxMessages = 0;
  std::uint64_t messageSize = 0;
  template <class V>
  void fields(V& v) {
    v(mailboxOctets, mailboxMessages, messageSize);
  }
  bool operator==(const Limits&) const = default;
};

/// A mail domain. All names are canonical (names.h).
struct Domain {
  std::string name;                  ///< the official one
  std::vector<std::string> aliases;  ///< other names that mean the same domain
  Kind kind = Kind::own;
  std::string catchAll;                     ///< an address; empty: unknown users are refused
  Limits limits;                            ///< of each of its users
  std::uint64_t users = 0;                  ///< how many users it may have; 0: unlimited
  std::vector<std::string> loginAddresses;  ///< own IP addresses: a bare login name there means a user of this domain
  template <class V>
  void fields(V& v) {
    v(name, aliases, kind, catchAll, limits, users, loginAddresses);
  }
  bool operator==(const Domain&) const = default;
};

struct User {
  Id128 id;  ///< its folder: accounts/<id>. Never given to another user
  std::string domain;
  std::string localPart;
  std::string fullName;
  sasl::Verifiers verifiers;
  Limits limits;
  bool disabled = false;  ///< may not log in; mail still arrives
  bool admin = false;     ///< postmaster where no other is named
  std::vector<std::string>
      sendAs;  ///< addresses beside its own that it may send as; "@example.test": any of that domain
  template <class V>
  void fields(V& v) {
    v(id, domain, localPart, fullName, verifiers, limits, disabled, admin, sendAs);
  }
  [[nodiscard]] std::string address() const { return Address{localPart, domain}.text(); }
  bool operator==(const User&) const = default;
};

/// Places that one address may lead to: recipients of one message, in the end.
inline constexpr std::size_t kMostPlaces = 100'000;

struct Alias {
  std::string domain;  ///< empty: from the aliases file; counts in the default domain
  std::string localPart;
  std::vector<std::string> targets;  ///< as alias_target.h writes them
  template <class V>
  void fields(V& v) {
    v(domain, localPart, targets);
  }
  [[nodiscard]] std::string address() const { return Address{localPart, domain}.text(); }
  bool operator==(const Alias&) const = default;
};

/// What can be asked of a directory. Names are canonical. An empty optional is an answer: there is none.
/// Errors of all: temporary (cannot be read now: mail is deferred, a login answered "try later").
class Directory {
 public:
  virtual ~Directory() = default;
  /// By any of its names.
  [[nodiscard]] virtual Result<std::optional<Domain>> domain(std::string_view name) = 0;
  /// By one of its own IP addresses.
  [[nodiscard]] virtual Result<std::optional<Domain>> domainAtAddress(std::string_view ipAddress) = 0;
  /// Which domain a bare local part means: the one set as default, else the first that was added.
  [[nodiscard]] virtual Result<std::optional<Domain>> defaultDomain() = 0;
  [[nodiscard]] virtual Result<std::optional<User>> user(const Domain& domain, std::string_view localPart) = 0;
  /// `domain`: the official name, or empty for the aliases file.
  [[nodiscard]] virtual Result<std::optional<Alias>> alias(std::string_view domain, std::string_view localPart) = 0;
  /// Who is postmaster where nobody says so: the first administrator, else the oldest user.
  [[nodiscard]] virtual Result<std::optional<User>> firstAdmin() = 0;
  /// Is it the user's password? Hashes, or asks whom the domain's kind asks. Errors: permanent (a verifier nobody can
  /// check).
  [[nodiscard]] virtual Result<bool> checkPassword(const User& user, std::string_view password) = 0;
};

/// Where the users of domains of one other kind come from (PAM, SQL, LDAP).
class UserDatabase {
 public:
  virtual ~UserDatabase() = default;
  /// What is known of a user; `id` and limits are filled in by the caller. Errors: temporary.
  [[nodiscard]] virtual Result<std::optional<User>> find(const Domain& domain, std::string_view localPart) = 0;
  [[nodiscard]] virtual Result<bool> checkPassword(const User& user, std::string_view password) = 0;
};

}  // namespace ostler::directory
