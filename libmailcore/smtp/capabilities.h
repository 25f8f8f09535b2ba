// capabilities.h - what a server said it can, in its reply to EHLO or LHLO. Pure. RFC 5321 4.1.1.1, 2.2.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/smtp/reply.h"

namespace ostler::smtp {

struct Capabilities {
  bool pipelining = false;    ///< RFC 2920
  bool eightBitMime = false;  ///< RFC 6152
  bool smtpUtf8 = false;      ///< RFC 6531
  bool chunking = false;      ///< RFC 3030
  bool binaryMime = false;    ///< RFC 3030
  bool dsn = false;           ///< RFC 3461
  bool startTls = false;      ///< RFC 3207
  bool size = false;          ///< RFC 1870
  std::uint64_t maxSize = 0;  ///< 0: it named no limit
  bool deliverBy = false;     ///< RFC 2852
  std::int64_t leastSeconds = 0;  ///< of what is to be given back otherwise: RFC 2852 3; 0: it named no least
  bool priority = false;      ///< RFC 6710
  bool requireTls = false;    ///< RFC 8689
  std::uint64_t mostRecipients = 0;  ///< of one transaction: RFC 9422; 0: it named none
  std::uint64_t mostDomains = 0;     ///< of those recipients: RFC 9422; 0: it named none
  std::uint64_t mostMessages = 0;    ///< of one session: RFC 9422; 0: it named none
  std::vector<std::string> authMechanisms;  ///< upper case: RFC 4954

  [[nodiscard]] bool offersAuth(std::string_view mechanism) const;
  bool operator==(const Capabilities&) const = default;
};

/// From the text of the reply; its first line is the server's name. Unknown keywords are passed over.
[[nodiscard]] Capabilities parseCapabilities(const Reply& reply);

}  // namespace ostler::smtp
