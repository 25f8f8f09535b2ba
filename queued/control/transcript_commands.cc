// transcript_commands.cc - which sessions are written down line by line: start, list, stop.
#include <fmt/format.h>
#include <sysexits.h>

#include "libmailcore/config/quantity.h"
#include "libmailcore/ipc/watches.h"
#include "queued/control/control.h"
#include "queued/control/listing.h"

namespace ostler::control {

/// `--client ADDRESS|NETWORK`, `--user ADDRESS`, `--for DURATION` (10 minutes).
Task<Control::Reply> Control::transcriptStart(Arguments arguments, std::string) {
  Reply reply;
  const std::string given = arguments.value("--for");
  const auto lasts = given.empty() ? Result<std::chrono::seconds>(std::chrono::minutes(10)) : config::parseDuration(given);
  if (!lasts || lasts->count() <= 0 || *lasts > std::chrono::hours(24)) {
    reply.exitCode = EX_USAGE;
    reply.error = "--for DURATION, up to 24h, such as 30m";
    co_return reply;
  }
  const Result<void> added = watches_.add({arguments.value("--client"), arguments.value("--user"), env_.now() + *lasts}, env_.now());
  if (!added) {
    reply.exitCode = EX_USAGE;
    reply.error = added.error().detail;
  }
  co_return reply;
}

Task<Control::Reply> Control::transcriptList(Arguments arguments, std::string) {
  Reply reply;
  watches_.dropOver(env_.now());
  for (const ipc::Watch& watch : watches_.all()) {
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(watch.until - env_.now()).count();
    reply.output += arguments.has("--json")
                        ? fmt::format("{{\"client\":{},\"user\":{},\"seconds\":{}}}\n", jsonString(watch.client), jsonString(watch.user), left)
                        : fmt::format("{}{}{}{} for {} s\n", watch.client.empty() ? "" : "client ", watch.client,
                                      watch.user.empty() ? "" : watch.client.empty() ? "user " : ", user ", watch.user, left);
  }
  co_return reply;
}

Task<Control::Reply> Control::transcriptStop(Arguments arguments, std::string) {
  Reply reply;
  if (watches_.remove(arguments.value("--client"), arguments.value("--user")) > 0) co_return reply;
  reply.exitCode = EX_NOINPUT;
  reply.error = "no such transcript is under way; `ostler transcript list` shows them";
  co_return reply;
}

}  // namespace ostler::control
