// badmail_commands.cc - `ostler badmail`: what could be neither delivered nor returned, with the reason beside it.
#include <fmt/format.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"
#include "queued/control/control.h"
#include "queued/control/listing.h"
#include "queued/spool/badmail.h"

namespace ostler::control {

namespace {

constexpr std::uint64_t kShownMost = 512 * 1024;

std::string dateOf(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm broken{};
  ::localtime_r(&seconds, &broken);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &broken)};
}

/// An operator sees what his virtual servers keep in folders of their own.
std::vector<std::string> foldersFor(const Arguments& arguments, const config::Config& config) {
  if (!arguments.servers) return config.badmailDirs();
  std::vector<std::string> folders;
  for (const std::string& server : *arguments.servers) {
    const std::string folder = config.badmailDirOf(server);
    if (folder != config.badmailDir()) folders.push_back(folder);
  }
  return folders;
}

}  // namespace

/// `cursor`: how many have been listed.
Task<Control::Reply> Control::badmailList(Arguments arguments, std::string cursor) {
  using Entries = std::vector<spool::BadmailEntry>;
  auto job = [folders = foldersFor(arguments, *env_.config)]() -> Result<Entries> { return spool::listBadmail(folders); };
  const Result<Entries> listed = co_await env_.disk.run(env_.loop, std::move(job));
  if (!listed) co_return refuse(EX_TEMPFAIL, listed.error().detail);
  const Entries& entries = *listed;
  Reply reply;
  for (std::size_t at = parseDecimal(cursor).value_or(0); at < entries.size(); ++at) {
    const spool::BadmailEntry& entry = entries[at];
    if (arguments.has("--json")) {
      reply.output += fmt::format("{{\"name\":{},\"size\":{},\"since\":{},\"reason\":{}}}\n", jsonString(entry.name), entry.size,
                                  toUnixMillis(entry.since) / 1000, jsonString(entry.reason));
    } else {
      reply.output += fmt::format("{}  {:>9}  {}\n    {}\n", entry.name, entry.size, dateOf(entry.since), printable(entry.reason, 300));
    }
    if (reply.output.size() > kPageOctets && at + 1 < entries.size()) {
      reply.next = std::to_string(at + 1);
      break;
    }
  }
  if (entries.empty() && !arguments.has("--json")) reply.output = "There is no badmail.\n";
  co_return reply;
}

Task<Control::Reply> Control::badmailShow(Arguments arguments, std::string) {
  if (arguments.words.size() != 1) co_return refuse(EX_USAGE, "name one file, as `ostler badmail list` shows it");
  if (foldersFor(arguments, *env_.config).empty()) co_return refuse(EX_NOINPUT, "there is no such badmail");
  auto job = [folders = foldersFor(arguments, *env_.config), name = arguments.words[0]] {
    return spool::readBadmail(spool::folderOfBadmail(folders, name), name, kShownMost);
  };
  const Result<std::string> text = co_await env_.disk.run(env_.loop, std::move(job));
  if (!text) co_return refuse(EX_NOINPUT, text.error().detail);
  Reply reply;
  reply.output = *text;
  co_return reply;
}

/// Into pickup/, which takes it as if it had just been dropped there: with its envelope, if it has one, and a new queue id.
Task<Control::Reply> Control::badmailRetry(Arguments arguments, std::string) {
  if (arguments.words.empty()) co_return refuse(EX_USAGE, "name files, as `ostler badmail list` shows them");
  if (foldersFor(arguments, *env_.config).empty()) co_return refuse(EX_NOINPUT, "there is no such badmail");
  auto job = [folders = foldersFor(arguments, *env_.config), pickup = env_.config->pickupDir(), names = arguments.words]() -> Result<std::size_t> {
    std::size_t done = 0;
    for (const std::string& name : names) {
      const Result<void> moved = spool::moveBadmail(spool::folderOfBadmail(folders, name), name, pickup);
      if (!moved) return fail(moved.error());
      ++done;
    }
    return done;
  };
  const Result<std::size_t> moved = co_await env_.disk.run(env_.loop, std::move(job));
  if (!moved) co_return refuse(EX_NOINPUT, moved.error().detail);
  Reply reply;
  reply.output = fmt::format("{{\"retried\":{}}}\n", *moved);
  co_return reply;
}

Task<Control::Reply> Control::badmailPurge(Arguments arguments, std::string) {
  const std::string days = arguments.value("--older");
  const auto age = parseDecimal(days.empty() ? "0" : days, 36'500);
  if (!age || (days.empty() && !arguments.has("--all") && arguments.words.empty())) {
    co_return refuse(EX_USAGE, "name files, or --older DAYS, or --all");
  }
  if (foldersFor(arguments, *env_.config).empty()) co_return refuse(EX_NOINPUT, "there is no such badmail");
  if (foldersFor(arguments, *env_.config).empty()) co_return refuse(EX_NOINPUT, "there is no such badmail");
  auto job = [folders = foldersFor(arguments, *env_.config), names = arguments.words, all = arguments.has("--all") || !days.empty(),
              before = env_.now() - std::chrono::hours(24 * *age)]() -> Result<std::size_t> {
    std::size_t purged = 0;
    for (const std::string& folder : folders) purged += spool::purgeBadmail(folder, names, all, before);
    return purged;
  };
  const Result<std::size_t> gone = co_await env_.disk.run(env_.loop, std::move(job));
  if (!gone) co_return refuse(EX_TEMPFAIL, gone.error().detail);
  Reply reply;
  reply.output = fmt::format("{{\"purged\":{}}}\n", *gone);
  if (*gone == 0 && !arguments.words.empty()) co_return refuse(EX_NOINPUT, "there is no such badmail");
  co_return reply;
}

}  // namespace ostler::control
