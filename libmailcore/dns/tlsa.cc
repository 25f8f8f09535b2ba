#include "libmailcore/dns/tlsa.h"

namespace ostler::dns {
namespace {

bool isUsable(const net::TlsaRecord& record) {
  if (record.usage != 2 && record.usage != 3) return false;  // RFC 7672 3.1.3: the PKIX usages are not for mail
  if (record.selector > 1) return false;
  switch (record.matching) {
    case 0:
      return !record.data.empty();
    case 1:
      return record.data.size() == 32;  // SHA-256
    case 2:
      return record.data.size() == 64;  // SHA-512
    default:
      return false;
  }
}

}  // namespace

std::string tlsaName(const std::string& host, std::uint16_t port) { return "_" + std::to_string(port) + "._tcp." + host; }

std::vector<net::TlsaRecord> usableTlsa(const std::vector<net::TlsaRecord>& records) {
  std::vector<net::TlsaRecord> out;
  for (const net::TlsaRecord& record : records) {
    if (isUsable(record)) out.push_back(record);
  }
  return out;
}

DaneVerdict daneVerdict(bool hostAuthenticated, const Answer& tlsa) {
  if (!hostAuthenticated) return DaneVerdict::none;
  if (tlsa.status == Status::bogus || tlsa.status == Status::tempfail) return DaneVerdict::tryLater;
  if (tlsa.status != Status::secure) return DaneVerdict::none;
  return usableTlsa(tlsa.tlsa).empty() ? DaneVerdict::encrypt : DaneVerdict::dane;
}

}  // namespace ostler::dns
