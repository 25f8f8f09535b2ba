// file_system.h - where a folder lies: inside another, and on what kind of file system: a disk of this machine, elsewhere, or memory.
#pragma once

#include <filesystem>
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

/// Is it the folder itself, or below it? Both are absolute and without `..`; nothing is looked up.
[[nodiscard]] bool isWithin(const std::filesystem::path& path, const std::filesystem::path& folder);

}  // namespace ostler::config
