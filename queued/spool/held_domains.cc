// held_domains.cc - what an administrator says of the domain of recipients holds by whatever way they are reached: a route, a gateway that
// others share, ETRN, a mailbox of ours. Mail by the MX of the domain has a line of its own, which stands still as it is; other mail is
// set aside when its turn comes, into a line that nothing sends from.
#include "queued/spool/dispatcher.h"

namespace ostler::spool {

namespace {

std::string keyOf(std::string_view forwardPath) { return std::string(Queue::kDomain) + route::domainOf(forwardPath); }

}  // namespace

/// `hopKey`: of the line it is in or would come to.
bool Dispatcher::isHeldApart(std::string_view forwardPath, const std::string& hopKey) const {
  const auto& laid = env_.queue.destinations();
  return !laid.empty() && laid.contains(keyOf(forwardPath)) && hopKey != "mx:" + route::domainOf(forwardPath);
}

void Dispatcher::standAside(const Id128& id, const Facts& facts, std::span<const std::uint32_t> which) {
  Message* const message = env_.queue.find(id);
  if (message == nullptr || which.empty()) return;
  env_.queue.dropFresh(*message);  // it may be for long
  for (const std::uint32_t& at : which) {
    const std::string key = keyOf(facts->record.recipients[at].recipient.forwardPath);
    schedule::Destination& aside = env_.scheduler.destination(key, 1);
    aside.setAdministrative(stateLaidOn(key, nullptr));
    standInLine(id, facts, aside, {&at, 1});
  }
}

/// Of those whose turn has come.
void Dispatcher::setHeldAside(const Id128& id, const Facts& facts, std::vector<std::uint32_t>& which, const std::string& hopKey) {
  std::vector<std::uint32_t> held;
  std::erase_if(which, [&](std::uint32_t at) {
    const bool isHeld = isHeldApart(facts->record.recipients[at].recipient.forwardPath, hopKey);
    if (isHeld) held.push_back(at);
    return isHeld;
  });
  standAside(id, facts, held);
}

void Dispatcher::letGo(const std::string& domainKey) {
  schedule::Destination* const aside = env_.scheduler.find(domainKey);
  if (aside == nullptr) return;
  for (const Id128& id : aside->take(SIZE_MAX)) {
    if (!takeLeg(*aside, id, SIZE_MAX).empty()) env_.scheduler.wakeAt(env_.now(), id);
  }
  scheduleChanged_.set();
}

}  // namespace ostler::spool
