#include "smtpd/smtp_protocol.h"

#include <utility>

#include "smtpd/policy_client.h"
#include "smtpd/session.h"

namespace ostler::smtpd {
namespace {

class SmtpProtocol final : public daemon::Protocol {
 public:
  SmtpProtocol(const daemon::Worker& worker, Budget& budget, receiving::Rates& rates)
      : policy_(worker.loop, worker.snapshot->config->socketPath("smtpd"), worker.snapshot->config->socketPath("auth")),
        watched_(worker.loop, policy_),
        tidier_(worker.loop, budget),
        around_{worker.loop, worker.gate, policy_, budget, tidier_, rates, watched_, clock_, worker.log} {}

  Task<void> serve(daemon::Arrival arrival) override {
    Surroundings around = around_;
    const std::vector<config::VirtualServer>& servers = arrival.snapshot->config->virtualServers;
    if (arrival.plan->virtualServer < servers.size()) around.log = around.log.of(servers[arrival.plan->virtualServer].name);
    {
      Session session(around, std::move(arrival));
      co_await session.run();
    }
    tidier_.look();
  }

 private:
  SystemClock clock_;
  PolicyClient policy_;
  Watched watched_;
  Tidier tidier_;
  Surroundings around_;
};

}  // namespace

std::vector<daemon::ListenerPlan> listenersOf(const config::Config& config) {
  std::vector<daemon::ListenerPlan> plans;
  for (std::size_t at = 0; at < config.virtualServers.size(); ++at) {
    const config::VirtualServer& server = config.virtualServers[at];
    for (const config::Listener& listener : server.listeners) {
      plans.push_back({listener, at, server.name, {server.limits.connections, server.limits.connectionsPerClient, server.limits.connectionsPerNetwork}, server.certificates});
    }
  }
  return plans;
}

std::unique_ptr<daemon::Protocol> makeProtocol(const daemon::Worker& worker, Budget& budget, receiving::Rates& rates) {
  return std::make_unique<SmtpProtocol>(worker, budget, rates);
}

}  // namespace ostler::smtpd
