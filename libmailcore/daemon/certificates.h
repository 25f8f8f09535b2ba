// certificates.h - which of our certificates end soon, so that whoever reads the log hears of it before clients do; and which were replaced.
#pragma once

#include <string>
#include <vector>

#include "libmailcore/config/config.h"

namespace ostler::daemon {

struct EndingCertificate {
  std::string file;
  std::int64_t days = 0;  ///< left; negative: it has ended
  bool operator==(const EndingCertificate&) const = default;
};

/// Those that end within three weeks; one that cannot be read is the configuration's trouble. Reads files.
[[nodiscard]] std::vector<EndingCertificate> certificatesThatEnd(const config::Config& config, WallTime now);

/// By what a file that was written anew, or renamed over, is told from the one before.
struct FileState {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = -1;  ///< -1: there is none
  std::int64_t writtenNanos = 0;
  bool operator==(const FileState&) const = default;
};
/// Of every certificate and key that is shown to clients. Reads no file.
[[nodiscard]] std::vector<FileState> statesOfCertificates(const config::Config& config);

}  // namespace ostler::daemon
