#include "queued/auth/login_name.h"

#include "libmailcore/base/ascii.h"
#include "libmailcore/net/address.h"

namespace ostler::queued::auth {

namespace {

using directory::Domain;

Result<std::optional<Domain>> domainOfBareName(directory::Directory& directory, std::string_view local) {
  const Result<net::Endpoint> endpoint = net::Endpoint::parse(local);
  if (endpoint && endpoint->unixPath.empty()) {
    Result<std::optional<Domain>> own = directory.domainAtAddress(endpoint->address.text());
    if (!own || *own) return own;
  }
  return directory.defaultDomain();
}

}  // namespace

Result<Candidate> findCandidate(directory::Directory& directory, std::string_view loginName, std::string_view local) {
  Candidate candidate;
  candidate.name = asciiLower(printable(loginName, 320));
  const Result<directory::Address> address = directory::parseAddress(loginName);
  if (!address) return candidate;
  Result<std::optional<Domain>> domain = std::optional<Domain>{};
  if (address->domain.empty()) {
    domain = domainOfBareName(directory, local);
  } else if (const Result<std::string> canonical = directory::canonicalDomain(address->domain)) {
    domain = directory.domain(*canonical);
  }
  if (!domain) return fail(domain.error());
  const Result<std::string> folded = directory::foldLocalPart(address->localPart);
  if (!*domain || !folded) return candidate;
  candidate.domain = std::move(**domain);
  candidate.name = directory::Address{*folded, candidate.domain.name}.text();
  Result<std::optional<directory::User>> user = directory.user(candidate.domain, *folded);
  if (!user) return fail(user.error());
  candidate.user = std::move(*user);
  return candidate;
}

}  // namespace ostler::queued::auth
