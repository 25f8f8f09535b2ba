// sending_limits.cc - who logged in sends no more than is usual: what a stolen password is used for. Over it he is frozen.
#include <fmt/format.h>

#include "libmailcore/ipc/envelope.h"
#include "queued/policy/checks.h"

namespace ostler::policy {

std::optional<ipc::SmtpReply> sendingLimits(const Facts& facts) {
  if (!facts.sentTooMuch) return std::nullopt;
  return ipc::SmtpReply{450, "4.7.1", fmt::format("Your sending is frozen ({}) until postmaster lifts it", *facts.sentTooMuch)};
}

}  // namespace ostler::policy
