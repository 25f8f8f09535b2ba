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
  // A unit with RestrictSUIDSGID= may not even ask for these bits, of a folder that is there already.
  if (::mkdir(path.c_str(), mode & 01777) != 0) {
    if (errno == EEXIST) return {};
    return fail(Error::Kind::permanent, "cannot make " + path + ": " + std::strerror(errno));
  }
  const passwd* const owner = user.empty() ? nullptr : ::getpwnam(user.c_str());
  if (::geteuid() == 0 && owner != nullptr && ::lchown(path.c_str(), owner->pw_uid, owner->pw_gid) != 0) {
    return fail(Error::Kind::permanent, "cannot give " + path + " to " + user + ": " + std::strerror(errno));
  }
  // mkdir knows no set-group-ID bit, and takes off what the umask says. Who may not give it keeps what mkdir gave.
  if ((mode & 07000) != 0) (void)!::chmod(path.c_str(), mode);
  return {};
}

}  // namespace ostler::daemon
