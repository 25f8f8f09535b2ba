// file_system.h - what kind of file system a folder lies on: on a disk of this machine, elsewhere, or in memory.
#pragma once

#include <string>

#include "libmailcore/base/result.h"

namespace ostler::config {

enum class FileSystem {
  disk,     ///< of this machine, as far as the kernel says
  network,  ///< another machine's, or a program's (FUSE): neither rename nor fsync is a promise
  memory,   ///< gone with the power
};

/// `type`: f_type of statfs(2).
[[nodiscard]] FileSystem fileSystemOf(unsigned long type);

/// Of a folder that is not there yet: where it would be made. Errors: notFound, denied.
[[nodiscard]] Result<FileSystem> fileSystemAt(const std::string& folder);

}  // namespace ostler::config
