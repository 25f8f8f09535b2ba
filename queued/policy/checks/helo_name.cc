// helo_name.cc - the name a stranger gives in HELO is one that exists, or an address literal. Off unless set: RFC 5321 4.1.4 wants no
// refusal for that. Asked at RCPT, so that postmaster is reached all the same (RFC 5321 4.5.1).
#include <fmt/format.h>

#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/lookup.h"
#include "libmailcore/smtp/path.h"
#include "queued/policy/checks.h"

namespace ostler::policy {

std::optional<ipc::SmtpReply> heloName(const Facts& facts) {
  if (!facts.server.checkHelo || !isStranger(facts) || facts.helo.empty() || smtp::isAddressLiteral(facts.helo)) return std::nullopt;
  if (facts.helo.starts_with('[')) return ipc::SmtpReply{550, "5.7.1", fmt::format("{} is no address literal: say who you are", facts.helo)};
  if (facts.heloHost.state == ipc::LookedUp::State::no) return ipc::SmtpReply{550, "5.7.1", fmt::format("The name {} does not exist: say who you are", facts.helo)};
  if (facts.heloHost.state == ipc::LookedUp::State::later) return ipc::SmtpReply{451, "4.4.3", "The name you gave cannot be looked up now, try again later"};
  return std::nullopt;
}

}  // namespace ostler::policy
