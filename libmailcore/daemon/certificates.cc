#include "libmailcore/daemon/certificates.h"

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

}  // namespace ostler::daemon
