// login_name.h - who is meant by the name that somebody logs in with. Blocks as the directory does.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/directory/directory.h"

namespace ostler::queued::auth {

struct Candidate {
  std::string
      name;  ///< "alice@example.test" as far as it could be made out; the counters' key, whether the user exists or not
  std::optional<directory::User> user;
  directory::Domain domain;
};

/// "alice@example.test", or bare: then a user of the domain that has the address `local` ("192.0.2.1:993") as its own,
/// else of the default domain. No tags, no aliases: a login is of a mailbox. Errors: temporary.
[[nodiscard]] Result<Candidate> findCandidate(directory::Directory& directory, std::string_view loginName,
                                              std::string_view local);

}  // namespace ostler::queued::auth
