// setup_directory.h - what `ostler setup` puts into the directory: the domain with this host's own names, the first user, root's alias.
// It makes what is missing and changes nothing that is there, so that a set-up that was interrupted can be done again.
#pragma once

#include <string>
#include <vector>

#include "libmailcore/config/config.h"
#include "libmailcore/directory/own/own_directory.h"

namespace ostler::tools {

struct FirstUser {
  std::string domain;
  std::string hostName;  ///< becomes, with localhost, another name of the domain, unless a domain has it
  std::string localPart;
  std::string password;
};

/// True: the user was made; false: he was there. Errors: exists (the domain is another one's other name), and the directory's.
[[nodiscard]] Result<bool> setUpDirectory(directory::OwnDirectory& directory, const FirstUser& first);

/// Who reads postmaster's and root's mail of a domain, in words, as it is; a line each where they differ.
[[nodiscard]] std::string readersOf(directory::OwnDirectory& directory, const config::Config& config, const std::string& domain);

}  // namespace ostler::tools
