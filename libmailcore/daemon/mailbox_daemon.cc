#include "libmailcore/daemon/mailbox_daemon.h"

#include "libmailcore/daemon/mailbox_sandbox.h"

namespace ostler::daemon {
namespace {

constexpr unsigned kReadingThreads = 2;

}  // namespace

MailboxClients::MailboxClients(const Worker& worker, const MailboxShared& shared)
    : auth(worker.loop, worker.snapshot->config->socketPath("auth")), store(store::makeLocalStore(worker.loop, shared.store)), loggedIn(worker.loop, auth) {}

std::vector<ListenerPlan> plansOf(const std::vector<config::Listener>& listeners, const std::string& group, std::uint64_t connections) {
  std::vector<ListenerPlan> plans;
  for (const config::Listener& listener : listeners) plans.push_back({listener, 0, group, {connections, 0}});
  return plans;
}

int runWithMailboxes(Daemon daemon, std::function<std::unique_ptr<Protocol>(const Worker&, MailboxShared&)> make, int argc, char** argv) {
  std::unique_ptr<MailboxShared> shared;
  const std::string threads = daemon.name + "-read";
  daemon.startShared = [&shared, threads](const config::Config& config, const log::Log& log) -> Result<void> {
    store::LocalOptions options;
    options.notifyDir = config.runDir + "/notify";
    options.log = log;
    auto store = store::makeLocalShared(std::move(options));
    if (!store) return fail(store.error());
    shared.reset(new MailboxShared{std::move(*store), Pool(threads, kReadingThreads)});
    return {};
  };
  daemon.confineProcess = confineMailboxProcess;
  daemon.confineWorker = confineMailboxWorker;
  daemon.protocol = [&shared, make = std::move(make)](const Worker& worker) { return make(worker, *shared); };
  return run(daemon, argc, argv);
}

}  // namespace ostler::daemon
