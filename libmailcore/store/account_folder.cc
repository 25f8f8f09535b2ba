#include "libmailcore/store/account_folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace ostler::store {

Result<UniqueFd> openAccountFolder(const std::string& accountsDir, Id128 account) {
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const std::string path = accountsDir + "/" + account.text();
  UniqueFd folder(::open(path.c_str(), kFlags));
  if (folder) return folder;
  if (errno == ENOENT) {
    if (::mkdir(path.c_str(), 0770) != 0 && errno == ENOENT) {
      (void)::mkdir(accountsDir.c_str(), 0700);
      (void)::mkdir(path.c_str(), 0770);
    }
    // The name must last: a message delivered into a folder that is gone after a power cut would be lost with it.
    const UniqueFd parent(::open(accountsDir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent) (void)::fsync(parent.get());
    folder.reset(::open(path.c_str(), kFlags));
  }
  if (!folder) return fail(Error::Kind::temporary, "account folder " + path + ": " + std::strerror(errno));
  return folder;
}

}  // namespace ostler::store
