#include "imapd/imap_protocol.h"

#include "imapd/session.h"

namespace ostler::imap {
namespace {

class ImapProtocol final : public daemon::Protocol {
 public:
  ImapProtocol(const daemon::Worker& worker, ProcessShared& shared)
      : gate_(worker.gate),
        auth_(worker.loop, worker.snapshot->config->socketPath("auth")),
        store_(store::makeLocalStore(worker.loop, shared.store)),
        worker_{worker.loop, auth_, *store_, shared.reading, shared.users, clock_, worker.log} {}

  Task<void> serve(daemon::Arrival arrival) override {
    Accepted accepted;
    accepted.stream = std::move(arrival.stream);
    accepted.peer = arrival.client;
    accepted.local = arrival.local;
    accepted.config = arrival.snapshot->config;
    if (arrival.plan->listener.tls == config::ListenerTls::startTls) accepted.startTls = arrival.snapshot->tls;
    Session session(worker_, std::move(accepted));
    const Gate::Pass pass = gate_.enter([&session] { session.drain(); });
    co_await session.run();
  }

 private:
  Gate& gate_;
  SystemClock clock_;
  ipc::Client auth_;
  std::unique_ptr<store::Store> store_;
  Worker worker_;
};

}  // namespace

std::vector<daemon::ListenerPlan> listenersOf(const config::Config& config) {
  std::vector<daemon::ListenerPlan> plans;
  for (const config::Listener& listener : config.imap.listeners) {
    plans.push_back({listener, 0, "imap", {config.imap.connections, 0}});
  }
  return plans;
}

std::unique_ptr<daemon::Protocol> makeProtocol(const daemon::Worker& worker, ProcessShared& shared) {
  return std::make_unique<ImapProtocol>(worker, shared);
}

}  // namespace ostler::imap
