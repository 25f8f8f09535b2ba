#include "pop3d/pop3_protocol.h"

#include "pop3d/session.h"

namespace ostler::pop3 {
namespace {

class Pop3Protocol final : public daemon::Protocol {
 public:
  Pop3Protocol(const daemon::Worker& worker, ProcessShared& shared)
      : auth_(worker.loop, worker.snapshot->config->socketPath("auth")),
        store_(store::makeLocalStore(worker.loop, shared.store)),
        worker_{worker.loop, worker.gate, auth_, *store_, shared.reading, clock_, worker.log} {}

  Task<void> serve(daemon::Arrival arrival) override {
    Session session(worker_, std::move(arrival));
    co_await session.run();
  }

 private:
  SystemClock clock_;
  ipc::Client auth_;
  std::unique_ptr<store::Store> store_;
  Worker worker_;
};

}  // namespace

std::vector<daemon::ListenerPlan> listenersOf(const config::Config& config) {
  std::vector<daemon::ListenerPlan> plans;
  for (const config::Listener& listener : config.pop3.listeners) {
    plans.push_back({listener, 0, "pop3", {config.pop3.connections, 0}});
  }
  return plans;
}

std::unique_ptr<daemon::Protocol> makeProtocol(const daemon::Worker& worker, ProcessShared& shared) {
  return std::make_unique<Pop3Protocol>(worker, shared);
}

}  // namespace ostler::pop3
