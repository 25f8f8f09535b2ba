#include "libmailcore/directory/import.h"

#include <unordered_map>

#include "libmailcore/base/ascii.h"

namespace ostler::directory {

namespace {

using Edit = OwnDirectory::Edit;

tl::unexpected<Error> at(std::size_t line, const Error& error) {
  return fail(error.kind, "line " + std::to_string(line) + ": " + error.detail);
}

/// The verifiers of passwords seen so far.
class Verifiers {
 public:
  Verifiers(ImportColumn column, const sasl::VerifierOptions& options) : column_(column), options_(options) {}
  Result<sasl::Verifiers> of(const std::string& secret) {
    const auto known = bySecret_.find(secret);
    if (known != bySecret_.end()) return known->second;
    Result<sasl::Verifiers> made = make(secret);
    if (made) bySecret_.emplace(secret, *made);
    return made;
  }

 private:
  Result<sasl::Verifiers> make(const std::string& secret) const {
    if (column_ == ImportColumn::password) return sasl::makeVerifiers(secret, options_);
    const Result<void> known = sasl::checkHashFormat(secret);
    if (!known) return fail(known.error());
    sasl::Verifiers verifiers;
    verifiers.passwordHash = secret;
    return verifiers;
  }
  ImportColumn column_;
  const sasl::VerifierOptions& options_;
  std::unordered_map<std::string, sasl::Verifiers> bySecret_;
};

/// address 1*WSP secret. The secret may hold blanks.
Result<User> parseLine(std::string_view line, Verifiers& verifiers) {
  const std::size_t blank = line.find_first_of(" \t");
  const Result<Address> address = parseAddress(line.substr(0, blank));
  if (!address) return fail(address.error());
  if (address->domain.empty()) return fail(Error::Kind::syntax, "the address has no domain");
  const std::string_view secret = blank == line.npos ? "" : trim(line.substr(blank));
  if (secret.empty()) return fail(Error::Kind::syntax, "no password after the address");
  Result<sasl::Verifiers> made = verifiers.of(std::string(secret));
  if (!made) return fail(made.error());
  User user;
  user.domain = address->domain;
  user.localPart = address->localPart;
  user.verifiers = std::move(*made);
  return user;
}

struct Numbered {
  std::size_t line = 0;
  User user;
};

Result<std::vector<Numbered>> parseLines(std::istream& lines, ImportColumn column,
                                         const sasl::VerifierOptions& options) {
  std::vector<Numbered> users;
  Verifiers verifiers(column, options);
  std::string line;
  for (std::size_t number = 1; std::getline(lines, line); ++number) {
    const std::string_view content = trim(line);
    if (content.empty() || content.front() == '#') continue;
    Result<User> user = parseLine(content, verifiers);
    if (!user) return at(number, user.error());
    users.push_back({number, std::move(*user)});
  }
  return users;
}

}  // namespace

Result<ImportOutcome> importUsers(OwnDirectory& directory, std::istream& lines, ImportColumn column,
                                  const sasl::VerifierOptions& options) {
  // Hashing comes first: nobody else can write while a transaction is open.
  const Result<std::vector<Numbered>> users = parseLines(lines, column, options);
  if (!users) return fail(users.error());
  ImportOutcome outcome;
  const Result<void> stored = directory.edit([&](Edit& edit) -> Result<void> {
    for (const Numbered& row : *users) {
      const Result<User> put = edit.putUser(row.user, Edit::Mode::add);
      if (put) {
        ++outcome.added;
      } else if (put.error().kind == Error::Kind::exists) {
        ++outcome.existed;
      } else {
        return at(row.line, put.error());
      }
    }
    return {};
  });
  if (!stored) return fail(stored.error());
  return outcome;
}

}  // namespace ostler::directory
