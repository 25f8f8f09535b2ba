// sender_commands.cc - users who may send no more: list, freeze, thaw. What is counted is told, too.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sysexits.h>

#include <map>

#include "libmailcore/base/ascii.h"
#include "libmailcore/ipc/directory.h"
#include "queued/control/control.h"
#include "queued/control/listing.h"

namespace ostler::control {

namespace {

using policy::Amount;

std::string asJson(const Amount& amount) {
  return fmt::format(R"({{"messages":{},"recipients":{},"newRecipients":{}}})", amount.messages, amount.recipients, amount.newRecipients);
}

std::string time(WallTime at) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(at)));
}

std::string asLine(const std::string& user, const policy::Sender& sender, WallTime now) {
  const Amount day = policy::sentInDay(sender, now);
  const std::string state = sender.isFrozen() ? fmt::format("frozen since {}: {}", time(sender.frozen), sender.reason) : "may send";
  return fmt::format("{}: {}; in a day {} messages, {} recipients, {} of them new\n", user, state, day.messages, day.recipients, day.newRecipients);
}

}  // namespace

/// Who is frozen; with --all everybody who has sent in the last day where that is counted.
Task<Control::Reply> Control::senderList(Arguments arguments, std::string) {
  Reply reply;
  const WallTime now = env_.now();
  std::map<std::string, policy::Sender> inOrder;
  for (const auto& [user, sender] : env_.senders.all()) {
    if (sender.isFrozen() || (arguments.has("--all") && !sender.isForgotten(now))) inOrder.emplace(user, sender);
  }
  for (const auto& [user, sender] : inOrder) {
    if (!arguments.has("--json")) {
      reply.output += asLine(user, sender, now);
      continue;
    }
    reply.output += fmt::format(R"({{"user":{},"frozen":{},"since":{},"reason":{},"hour":{},"day":{}}})" "\n", jsonString(user), sender.isFrozen(),
                                sender.isFrozen() ? jsonString(time(sender.frozen)) : "null", jsonString(sender.reason),
                                asJson(policy::sentInHour(sender, now)), asJson(policy::sentInDay(sender, now)));
  }
  co_return reply;
}

Task<Control::Reply> Control::senderFreeze(Arguments arguments, std::string) {
  Reply reply;
  const std::string user = arguments.words.empty() ? std::string() : asciiLower(arguments.words.front());
  const auto resolved = co_await env_.directory.resolve(user);
  const bool isUser = resolved && (*resolved)->kind == ipc::Resolution::Kind::local && (*resolved)->accounts.size() == 1;
  if (!isUser) {
    reply.exitCode = resolved ? EX_NOUSER : EX_TEMPFAIL;
    reply.error = resolved ? "freeze needs the address of a user" : "the directory does not answer: " + resolved.error().detail;
    co_return reply;
  }
  env_.senders.freeze((*resolved)->accounts.front().address, "by an administrator", env_.now());
  co_return reply;
}

Task<Control::Reply> Control::senderThaw(Arguments arguments, std::string) {
  Reply reply;
  if (arguments.words.empty() || !env_.senders.thaw(asciiLower(arguments.words.front()))) {
    reply.exitCode = EX_NOUSER;
    reply.error = "no user of that address is frozen; `ostler user frozen` lists who is";
  }
  co_return reply;
}

}  // namespace ostler::control
