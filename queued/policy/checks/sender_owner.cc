// sender_owner.cc - who logged in sends as itself. The null reverse-path stays allowed: mail programs send dispositions with it.
#include <fmt/format.h>

#include "libmailcore/ipc/envelope.h"
#include "queued/policy/checks.h"

namespace ostler::policy {

std::optional<ipc::SmtpReply> senderOwner(const Facts& facts) {
  if (facts.client.identity == nullptr || !facts.client.identity->known || facts.reversePath.empty()) return std::nullopt;
  if (mayUse(facts.server.senderRule, *facts.client.identity, facts.reversePath, facts.config.directory.tagSeparator)) return std::nullopt;
  if (facts.senderLeadsToUser) return std::nullopt;
  if (facts.senderCannotBeLookedUp) return ipc::SmtpReply{451, "4.3.0", "It cannot be found out just now whose address that is"};
  return ipc::SmtpReply{553, "5.7.1",
                        fmt::format("{} may not send as {}: use one of your own addresses as sender",
                                    facts.client.identity->account.address, facts.reversePath)};
}

}  // namespace ostler::policy
