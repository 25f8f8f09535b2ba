// nowhere.cc - an address that leads nowhere is refused here, not bounced: aliases are expanded first.
#include "queued/policy/checks.h"

#include "libmailcore/ipc/envelope.h"

namespace ostler::policy {

std::optional<ipc::SmtpReply> nowhere(const Facts& facts) {
  if (facts.route == nullptr || facts.route->kind != route::Route::Kind::reject) return std::nullopt;
  return facts.route->reply;
}

}  // namespace ostler::policy
