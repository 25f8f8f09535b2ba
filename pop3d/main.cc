// main.cc - puts pop3d together: listeners by configuration, and per worker a client of auth and a view of the store.
#include "libmailcore/daemon/service.h"
#include "libmailcore/store/local_store.h"
#include "pop3d/sandbox.h"
#include "pop3d/session.h"

namespace ostler::pop3 {
namespace {

constexpr unsigned kReadThreads = 4;

/// What the workers of the process share: the store's cache and pools, and the threads that read contents.
struct Shared {
  std::shared_ptr<store::LocalShared> store;
  Pool reading{"pop3d-read", kReadThreads};
};

// Threads that open files start between the two walls: behind the process's, so that it holds for them, and before the
// workers', which would forbid them their work.
Result<std::unique_ptr<Shared>> confineAndStart(const config::Config& config, const std::string& configFile) {
  const Result<void> confined = confineProcess(config, configFile);
  if (!confined) return fail(confined.error());
  store::LocalOptions options;
  options.notifyDir = config.runDir + "/notify";
  Result<std::shared_ptr<store::LocalShared>> made = store::makeLocalShared(std::move(options));
  if (!made) return fail(made.error());
  auto shared = std::make_unique<Shared>();
  shared->store = std::move(*made);
  return shared;
}

class Pop3 final : public daemon::Protocol {
 public:
  Pop3(const daemon::Worker& worker, Shared& shared)
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

std::vector<daemon::ListenerPlan> listenersOf(const config::Config& config) {
  std::vector<daemon::ListenerPlan> plans;
  for (const config::Listener& listener : config.pop3.listeners) {
    daemon::ListenerPlan plan;
    plan.listener = listener;
    plan.group = "pop3";
    plan.limits.connections = config.pop3.connections;
    plans.push_back(std::move(plan));
  }
  return plans;
}

}  // namespace
}  // namespace ostler::pop3

int main(int argc, char** argv) {
  using namespace ostler;
  std::unique_ptr<pop3::Shared> shared;
  daemon::Daemon pop3d;
  pop3d.name = "pop3d";
  pop3d.listeners = pop3::listenersOf;
  pop3d.protocol = [&shared](const daemon::Worker& worker) -> std::unique_ptr<daemon::Protocol> {
    return std::make_unique<pop3::Pop3>(worker, *shared);
  };
  pop3d.confineProcess = [&shared](const config::Config& config, const std::string& configFile) -> Result<void> {
    auto started = pop3::confineAndStart(config, configFile);
    if (!started) return fail(started.error());
    shared = std::move(*started);
    return {};
  };
  pop3d.confineWorker = pop3::confineWorker;
  pop3d.refusal = "-ERR [SYS/TEMP] Too many connections; try again later\r\n";
  return daemon::run(pop3d, argc, argv);
}
