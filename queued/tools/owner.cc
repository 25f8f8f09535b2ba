#include "queued/tools/owner.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ostler::tools {

std::optional<Owner> ownerBelow(const std::string& folder, const config::Config& config) {
  if (::geteuid() != 0) return std::nullopt;
  struct stat status{};
  const bool others = ::stat(folder.c_str(), &status) == 0 && status.st_uid != 0;
  const passwd* const user = others                ? ::getpwuid(status.st_uid)
                             : config.user.empty() ? nullptr
                                                   : ::getpwnam(config.user.c_str());
  if (user == nullptr) return std::nullopt;
  return Owner{user->pw_uid, user->pw_gid};
}

void give(const std::string& path, const Owner& owner) { (void)!::lchown(path.c_str(), owner.user, owner.group); }

}  // namespace ostler::tools
