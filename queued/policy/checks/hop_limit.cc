// hop_limit.cc - a message that has come by so many servers goes in a circle. The first field is our own, and is no hop it has come by.
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/message/received.h"
#include "queued/policy/checks.h"

namespace ostler::policy {

std::optional<ipc::SmtpReply> hopLimit(const Facts& facts) {
  const unsigned hops = facts.server.limits.hops;
  if (hops == 0 || message::countReceived(facts.head) <= hops + 1) return std::nullopt;
  return ipc::SmtpReply{554, "5.4.6", "Too many hops: the message seems to go in a circle"};
}

}  // namespace ostler::policy
