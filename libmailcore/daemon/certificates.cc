#include "libmailcore/daemon/certificates.h"

#include <sys/stat.h>

#include "libmailcore/net/certificate.h"

namespace ostler::daemon {

std::vector<EndingCertificate> certificatesThatEnd(const config::Config& config, WallTime now) {
  constexpr std::int64_t kSoon = 21;
  std::vector<EndingCertificate> ending;
  for (const auto& [pair, hostName] : config.allCertificates()) {
    const auto facts = net::readCertificate(pair.certificate, hostName);
    if (!facts) continue;
    const auto days = std::chrono::floor<std::chrono::days>(facts->notAfter - now).count();
    if (days < kSoon) ending.push_back({pair.certificate, days});
  }
  return ending;
}

std::vector<FileState> statesOfCertificates(const config::Config& config) {
  constexpr std::int64_t kNanos = 1'000'000'000;
  std::vector<FileState> states;
  for (const auto& [pair, hostName] : config.allCertificates()) {
    for (const std::string& file : {pair.certificate, pair.key}) {
      struct stat found{};
      FileState& state = states.emplace_back();
      if (::stat(file.c_str(), &found) == 0) state = {found.st_dev, found.st_ino, found.st_size, found.st_mtim.tv_sec * kNanos + found.st_mtim.tv_nsec};
    }
  }
  return states;
}

}  // namespace ostler::daemon
