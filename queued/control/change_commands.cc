// change_commands.cc - what lasts beyond a delivery: all outbound mail on and off, messages moved to another route, their expiry.
#include <fmt/format.h>
#include <sysexits.h>

#include "libmailcore/base/ascii.h"
#include "libmailcore/config/quantity.h"
#include "queued/control/control.h"

namespace ostler::control {

namespace {

using spool::MarkRecord;

Control::Reply changed(std::size_t count) {
  Control::Reply reply;
  reply.output = fmt::format("{{\"changed\":{}}}\n", count);
  return reply;
}

}  // namespace

/// Mail to other hosts stops; mail for mailboxes here flows on, and what waits goes on ageing.
Task<Control::Reply> Control::disable(Arguments, std::string) {
  co_await layOnAll(std::string(spool::Queue::kOutbound), spool::Hold::frozen);
  env_.log.warn("outbound-disabled");
  co_return changed(1);
}

Task<Control::Reply> Control::enable(Arguments, std::string) {
  co_await layOnAll(std::string(spool::Queue::kOutbound), spool::Hold::none);
  env_.log.warn("outbound-enabled");
  co_return changed(1);
}

/// To another host, or with "mx" back to the domain's own; the routes of the configuration then say nothing about these messages.
Task<Control::Reply> Control::move(Arguments arguments, std::string) {
  const std::string to = arguments.value("--to");
  const bool isBack = equalsIgnoreCase(to, "route");
  if (to.empty() || (!isBack && !equalsIgnoreCase(to, "mx") && !route::parseHost(to))) {
    co_return refuse(EX_USAGE, "--to HOST[:PORT], --to mx, or --to route for the configured way");
  }
  MarkRecord mark;
  mark.kind = MarkRecord::Kind::moved;
  mark.to = isBack ? std::string() : to;
  Reply reply = co_await markEach(std::move(arguments), std::move(mark), &spool::Dispatcher::routeAgain);
  co_return reply;
}

/// `--expiry 3d`: counted from now.
Task<Control::Reply> Control::edit(Arguments arguments, std::string) {
  const auto expiry = config::parseDuration(arguments.value("--expiry"));
  if (!expiry || expiry->count() <= 0) co_return refuse(EX_USAGE, "--expiry DURATION, from now, such as 3d");
  MarkRecord mark;
  mark.kind = MarkRecord::Kind::expiry;
  mark.due = env_.now() + *expiry;
  Reply reply = co_await markEach(std::move(arguments), std::move(mark), &spool::Dispatcher::expiryChanged);
  co_return reply;
}

Task<Control::Reply> Control::markEach(Arguments arguments, MarkRecord mark, void (spool::Dispatcher::*then)(const Id128&)) {
  const auto ids = co_await select(std::move(arguments));
  if (!ids) co_return refuse(EX_DATAERR, ids.error().detail);
  std::size_t done = 0;
  for (const Id128& id : *ids) {
    co_await letOthersIn(done++);
    mark.id = id;
    env_.note(mark);
    (dispatcher_.*then)(id);
  }
  co_return changed(ids->size());
}

}  // namespace ostler::control
