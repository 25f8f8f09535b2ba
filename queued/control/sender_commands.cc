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

/// One user, or why there is none: by its address, or by its bare name where that is one. Both verbs take the same.
struct Named {
  std::string user;
  std::uint8_t exitCode = 0;
  std::string error;
};

Task<Named> userOf(spool::Environment& env, std::vector<std::string> words) {
  const std::string said = words.empty() ? std::string() : asciiLower(words.front());
  const auto resolved = co_await env.directory.resolve(said);
  if (!resolved) co_return Named{said, EX_TEMPFAIL, "the directory does not answer: " + resolved.error().detail};
  const bool isUser = (*resolved)->kind == ipc::Resolution::Kind::local && (*resolved)->accounts.size() == 1;
  if (!isUser) co_return Named{said, EX_NOUSER, "freeze needs the address of a user"};
  co_return Named{(*resolved)->accounts.front().address, 0, {}};
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
  const Named named = co_await userOf(env_, arguments.words);
  reply.exitCode = named.exitCode;
  reply.error = named.error;
  if (named.exitCode == 0) env_.senders.freeze(named.user, "by an administrator", env_.now());
  co_return reply;
}

Task<Control::Reply> Control::senderThaw(Arguments arguments, std::string) {
  Reply reply;
  const Named named = co_await userOf(env_, arguments.words);
  // As `frozen` lists it, too: the user may be gone, or the directory away.
  if (!env_.senders.thaw(named.user) && (arguments.words.empty() || !env_.senders.thaw(asciiLower(arguments.words.front())))) {
    reply.exitCode = EX_NOUSER;
    reply.error = "no user of that address is frozen; `ostler user frozen` lists who is";
  }
  co_return reply;
}

}  // namespace ostler::control
