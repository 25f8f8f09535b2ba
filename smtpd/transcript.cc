#include "smtpd/transcript.h"

#include <fmt/format.h>

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/ipc/watches.h"
#include "libmailcore/sasl/mechanism.h"
#include "smtpd/commands.h"

namespace ostler::smtpd {
namespace {

constexpr std::chrono::hours kAskAnew{1};
constexpr std::chrono::seconds kPause{1};
constexpr std::size_t kMostShown = 1000;

// The next word off the front. Blanks and tabs part them, which is more than SMTP allows: what a client meant is what counts here.
std::string_view takeWord(std::string_view& text) {
  while (!text.empty() && isWsp(text.front())) text.remove_prefix(1);
  const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

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

// A client that was refused may go on blindly, with its password behind AUTH or its content behind DATA: what is no command of ours is
// not looked at closer. A mechanism is shown where there is such a one.
std::string withoutSecrets(std::string_view line) {
  std::string_view rest = line;
  const std::string_view verb = takeWord(rest);
  if (!Commands::isKnown(verb)) return fmt::format("({} octets, no command)", line.size());
  if (!equalsIgnoreCase(verb, "AUTH")) return printable(std::string(line), kMostShown);
  const std::string_view mechanism = takeWord(rest);
  const bool isKnown = sasl::findMechanism(asciiUpper(mechanism)) != nullptr;
  const bool isWhole = isKnown && takeWord(rest).empty();
  return "AUTH " + (isKnown ? std::string(mechanism) : std::string()) + (isWhole || mechanism.empty() ? "" : isKnown ? " (left out)" : "(left out)");
}

}  // namespace ostler::smtpd
