// system_users.h - the users of this machine as users of a domain of kind `system`: passwd(5) says who there is, PAM
// whether a password is right (service "ostler", pam_conf(5)). Verifiers are PAM's own, so a mechanism that needs one
// (SCRAM, CRAM-MD5) cannot check these users: PLAIN and LOGIN alone.
#pragma once

#include <sys/types.h>

#include <string>

#include "libmailcore/directory/directory.h"

namespace ostler::directory {

struct SystemOptions {
  uid_t firstUid = 1000;   ///< below it are daemons, which read no mail
  uid_t lastUid = 60'000;  ///< above it are nobody and containers
  std::string service = "ostler";
  std::string pamFolder;  ///< instead of /etc/pam.d, for tests
};

/// Any thread. Every call blocks, a wrong password for as long as PAM's modules want to.
class SystemUsers final : public UserDatabase {
 public:
  explicit SystemUsers(SystemOptions options = {}) : options_(std::move(options)) {}
  /// Full name from the first field of GECOS. Errors: temporary (the name service does not answer).
  [[nodiscard]] Result<std::optional<User>> find(const Domain& domain, std::string_view localPart) override;
  /// Also false for an account that PAM says is expired. Errors: temporary (no PAM service of that name, a module is
  /// missing).
  [[nodiscard]] Result<bool> checkPassword(const User& user, std::string_view password) override;

 private:
  SystemOptions options_;
};

}  // namespace ostler::directory
