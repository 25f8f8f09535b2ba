#include "libmailcore/daemon/folders.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace ostler::daemon {

Result<void> makeFolder(const std::string& path, mode_t mode, const std::string& user) {
  std::error_code ignored;  // if one above cannot be made, the last one fails
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  if (::mkdir(path.c_str(), mode) != 0) {
    if (errno == EEXIST) return {};
    return fail(Error::Kind::permanent, "cannot make " + path + ": " + std::strerror(errno));
  }
  const passwd* const owner = user.empty() ? nullptr : ::getpwnam(user.c_str());
  if (::geteuid() == 0 && owner != nullptr && ::lchown(path.c_str(), owner->pw_uid, owner->pw_gid) != 0) {
    return fail(Error::Kind::permanent, "cannot give " + path + " to " + user + ": " + std::strerror(errno));
  }
  return {};
}

}  // namespace ostler::daemon
