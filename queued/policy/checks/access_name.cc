// access_name.cc - "only these" or "all but these", by the forward-confirmed name of the client or its network.
#include "queued/policy/checks.h"

#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/lookup.h"

namespace ostler::policy {

std::optional<ipc::SmtpReply> accessName(const Facts& facts) {
  const config::ClientList& only = facts.server.accessOnly;
  const std::string& name = facts.clientName.name;
  if (isNamed(facts.server.accessExcept.names, name)) return ipc::SmtpReply{554, "", "Your name may not connect here"};
  if (only.names.empty() || isListed(only.networks, facts.client.address) || isNamed(only.names, name)) return std::nullopt;
  // Who could not be looked up just now may be on the list.
  if (facts.clientName.state == ipc::LookedUp::State::later) return ipc::SmtpReply{421, "4.4.3", "Your name cannot be looked up now, try again later"};
  return ipc::SmtpReply{554, "", "Your address may not connect here"};
}

}  // namespace ostler::policy
