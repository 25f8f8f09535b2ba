// mailbox_room.cc - how much room there is in the mailboxes that a recipient leads to. Who is asked stops at the first that has enough.
#include "queued/spool/questions.h"

namespace ostler::spool {

Task<policy::Fill> Questions::fillOf(ipc::Account account) {
  const Result<store::Quota> quota = co_await env_.mailboxes.quota(std::move(account));
  if (!quota) co_return policy::Fill{};  // it waits in the queue
  co_return policy::Fill{quota->usedOctets, quota->usedMessages, quota->limitOctets, quota->limitMessages};
}

/// The fill of the first that has room for so many octets; of none, that of one that would have when it is emptied, so that the sender
/// hears of a list what its most hopeful mailbox says.
Task<policy::Fill> Questions::roomiest(std::vector<route::LocalTarget> mailboxes, std::uint64_t octets) {
  std::optional<policy::Fill> best;
  for (route::LocalTarget& mailbox : mailboxes) {
    const policy::Fill fill = co_await fillOf(std::move(mailbox.account));
    const std::uint16_t code = policy::roomVerdict(fill, octets).code;
    if (code == 250) co_return fill;
    if (!best || code == 452) best = fill;
  }
  co_return best.value_or(policy::Fill{});
}

/// Is there a recipient whose mail goes to a mailbox with room, or not to such mailboxes alone? Also while nobody can say.
Task<bool> Questions::fitsSomewhere(std::vector<std::string> recipients, std::uint64_t octets) {
  const std::shared_ptr<const config::Config> config = env_.config;
  for (const std::string& path : recipients) {
    const auto resolution = co_await env_.directory.resolve(path);
    if (!resolution) co_return true;
    const route::Route route = route::route(*config, {.forwardPath = path}, **resolution);
    if (!policy::hasLimitedRoom(route)) co_return true;
    const policy::Fill fill = co_await roomiest(route.locals, octets);
    if (policy::roomVerdict(fill, octets).code == 250) co_return true;
  }
  co_return false;
}

}  // namespace ostler::spool
