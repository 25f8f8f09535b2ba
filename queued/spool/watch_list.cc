#include "queued/spool/watch_list.h"

#include "libmailcore/base/ascii.h"
#include "libmailcore/net/address.h"

namespace ostler::spool {
namespace {

constexpr std::size_t kMost = 100;

}  // namespace

void WatchList::serve(ipc::Server& server) {
  using Connection = std::shared_ptr<ipc::ServerConnection>;
  server.on<ipc::AwaitWatches>([this](const Connection&, ipc::AwaitWatches request, const std::vector<UniqueFd>&) { return await(request.version); });
}

Task<Result<ipc::Watches>> WatchList::await(std::uint64_t version) {
  if (version == now_.version) {
    const auto change = std::make_shared<Signal>(loop_);
    waiting_.push_back(change);
    const Result<void> woken = co_await change->wait(Deadline::never());
    (void)woken;
  }
  co_return now_;
}

Result<void> WatchList::add(ipc::Watch watch, WallTime now) {
  dropOver(now);
  if (watch.client.empty() && watch.user.empty()) return fail(Error::Kind::syntax, "name a client's address or network, or a user");
  if (!watch.client.empty() && !net::Cidr::parse(watch.client)) return fail(Error::Kind::syntax, watch.client + " is neither an address nor a network");
  if (now_.list.size() >= kMost) return fail(Error::Kind::limit, "a hundred transcripts are enough; end some first");
  watch.user = asciiLower(watch.user);
  now_.list.push_back(std::move(watch));
  changed();
  return {};
}

std::size_t WatchList::remove(const std::string& client, const std::string& user) {
  const std::size_t gone = std::erase_if(now_.list, [&](const ipc::Watch& watch) {
    return (client.empty() || watch.client == client) && (user.empty() || equalsIgnoreCase(watch.user, user));
  });
  if (gone > 0) changed();
  return gone;
}

void WatchList::dropOver(WallTime now) {
  std::erase_if(now_.list, [now](const ipc::Watch& watch) { return watch.until <= now; });
}

void WatchList::changed() {
  ++now_.version;
  std::vector<std::shared_ptr<Signal>> waiting;
  waiting.swap(waiting_);
  for (const std::shared_ptr<Signal>& one : waiting) one->set();
}

}  // namespace ostler::spool
