#include "smtpd/transcript.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/ipc/watches.h"
#include "libmailcore/smtp/command.h"

namespace ostler::smtpd {
namespace {

constexpr std::chrono::hours kAskAnew{1};
constexpr std::chrono::seconds kPause{1};
constexpr std::size_t kMostShown = 1000;

}  // namespace

Watched::Watched(Loop& loop, Policy& policy) : loop_(loop), policy_(policy), following_(loop) { following_.spawn(follow(*this)); }

Task<void> Watched::follow(Watched& self) {
  std::uint64_t version = 0;
  for (;;) {
    const Result<ipc::Watches> heard = co_await self.policy_.awaitWatches({version}, Deadline::after(kAskAnew));
    if (!heard && heard.error().kind != Error::Kind::timeout) {  // the spool went away, and its list with it
      self.rows_.clear();
      version = 0;
      co_await self.loop_.sleepUntil(Deadline::after(kPause));
    }
    if (!heard) continue;
    version = heard->version;
    self.rows_.clear();
    for (const ipc::Watch& watch : heard->list) {
      const Result<net::Cidr> client = net::Cidr::parse(watch.client);
      self.rows_.push_back({client ? std::optional(*client) : std::nullopt, watch.user, watch.until});
    }
  }
}

bool Watched::covers(const net::IpAddress* client, std::string_view user, WallTime now) const {
  return std::any_of(rows_.begin(), rows_.end(), [&](const Row& row) {
    if (row.until <= now) return false;
    const bool clientFits = !row.client || (client != nullptr && row.client->contains(*client));
    return clientFits && (row.user.empty() || equalsIgnoreCase(row.user, user));
  });
}

std::string withoutSecrets(std::string_view line) {
  const auto [verb, argument] = smtp::splitCommand(line);
  if (!equalsIgnoreCase(verb, "AUTH")) return printable(std::string(line), kMostShown);
  const std::size_t end = argument.find(' ');
  std::string shown = "AUTH " + printable(std::string(argument.substr(0, end)), kMostShown);
  if (end != std::string_view::npos) shown += " (left out)";
  return shown;
}

}  // namespace ostler::smtpd
