// message_size.cc - the size that was declared is taken here, and of this account.
#include <fmt/format.h>

#include "libmailcore/ipc/envelope.h"
#include "queued/policy/checks.h"

namespace ostler::policy {

std::optional<ipc::SmtpReply> messageSize(const Facts& facts) {
  const ByteCount limit = facts.server.limits.messageSize;
  if (!limit.allows(facts.declaredSize)) {
    return ipc::SmtpReply{552, "5.3.4", fmt::format("The message is larger than the {} octets taken here", limit.octets)};
  }
  if (facts.client.identity == nullptr || !facts.client.identity->known) return std::nullopt;
  const std::uint64_t most = facts.client.identity->account.messageSize;
  if (most == 0 || facts.declaredSize <= most) return std::nullopt;
  return ipc::SmtpReply{552, "5.3.4", fmt::format("The message is larger than the {} octets your account may send", most)};
}

}  // namespace ostler::policy
