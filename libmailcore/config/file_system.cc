#include "libmailcore/config/file_system.h"

#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace ostler::config {
namespace {

struct Known {
  unsigned long type;
  FileSystem is;
};

// From linux/magic.h, and from the file systems' own headers where it has them not. What is not here is taken for a disk.
constexpr std::array kKnown = {
    Known{0x6969, FileSystem::network},      // NFS
    Known{0xFF534D42, FileSystem::network},  // CIFS
    Known{0xFE534D42, FileSystem::network},  // SMB 2 and 3
    Known{0x517B, FileSystem::network},      // SMB 1
    Known{0x01021997, FileSystem::network},  // 9P
    Known{0x65735546, FileSystem::network},  // FUSE: sshfs, glusterfs, s3fs ...
    Known{0x5346414F, FileSystem::network},  // AFS
    Known{0x6B414653, FileSystem::network},  // AFS, another one
    Known{0x00C36400, FileSystem::network},  // Ceph
    Known{0x0BD00BD0, FileSystem::network},  // Lustre
    Known{0x73757245, FileSystem::network},  // Coda
    Known{0x564C, FileSystem::network},      // NCP
    Known{0x786F4256, FileSystem::network},  // a folder of VirtualBox's host
    Known{0x01021994, FileSystem::memory},   // tmpfs
    Known{0x858458F6, FileSystem::memory},   // ramfs
};

}  // namespace

FileSystem fileSystemOf(unsigned long type) {
  const unsigned long bits = type & 0xFFFFFFFFUL;  // f_type is signed, and some of these have the highest bit
  const auto found = std::ranges::find(kKnown, bits, &Known::type);
  return found == kKnown.end() ? FileSystem::disk : found->is;
}

bool isWithin(const std::filesystem::path& path, const std::filesystem::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

Result<FileSystem> fileSystemAt(const std::string& folder) {
  std::error_code none;
  std::filesystem::path at = std::filesystem::weakly_canonical(folder, none);
  struct statfs system {};
  while (::statfs(at.c_str(), &system) != 0) {
    if (errno != ENOENT || !at.has_relative_path()) {
      return fail(errno == EACCES ? Error::Kind::denied : Error::Kind::notFound, at.string() + ": " + std::strerror(errno));
    }
    at = at.parent_path();
  }
  return fileSystemOf(static_cast<unsigned long>(system.f_type));
}

}  // namespace ostler::config
