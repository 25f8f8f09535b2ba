// dangling_alias.cc - an alias, or a domain that is forwarded, behind which nobody takes mail is refused here, not bounced.
#include "queued/policy/checks.h"

#include "libmailcore/ipc/envelope.h"

namespace ostler::policy {

std::optional<ipc::SmtpReply> danglingAlias(const Facts& facts) {
  return facts.danglingReply;
}

}  // namespace ostler::policy
