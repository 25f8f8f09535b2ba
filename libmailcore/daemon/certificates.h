// certificates.h - which of our certificates end soon: whoever reads the log hears of it before clients do.
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

}  // namespace ostler::daemon
