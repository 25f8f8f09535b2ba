#include "smtpd/smtp_protocol.h"

#include <malloc.h>

#include <utility>

#include "smtpd/policy_client.h"
#include "smtpd/session.h"

namespace ostler::smtpd {
namespace {

constexpr std::chrono::seconds kTidy{5};
constexpr std::size_t kWorthIt = 4U << 20;

class SmtpProtocol final : public daemon::Protocol {
 public:
  SmtpProtocol(const daemon::Worker& worker, Budget& budget, receiving::Rates& rates)
      : policy_(worker.loop, worker.snapshot->config->socketPath("smtpd"), worker.snapshot->config->socketPath("auth")),
        watched_(worker.loop, policy_),
        around_{worker.loop, worker.gate, policy_, budget, rates, watched_, clock_, worker.log},
        tidying_(worker.loop) {}

  Task<void> serve(daemon::Arrival arrival) override {
    Surroundings around = around_;
    const std::vector<config::VirtualServer>& servers = arrival.snapshot->config->virtualServers;
    if (arrival.plan->virtualServer < servers.size()) around.log = around.log.of(servers[arrival.plan->virtualServer].name);
    const Running running(sessions_);
    if (!std::exchange(tidies_, true)) tidying_.spawn(giveBackMemory());
    Session session(around, std::move(arrival));
    co_await session.run();
  }

 private:
  struct Running {
    explicit Running(std::size_t& counted) : count(counted) { ++count; }
    ~Running() { --count; }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    std::size_t& count;
  };

  // What many long envelopes and contents leave in the heap the allocator keeps for ever, in pieces between what lives: the process
  // would stay as large as it was in its worst moment. Of 24 MiB it costs 5 ms. Where there is no session nobody looks.
  Task<void> giveBackMemory() {
    do {
      co_await around_.loop.sleepUntil(Deadline::after(kTidy));
      if (around_.budget.takeReturned() >= kWorthIt) ::malloc_trim(0);
    } while (sessions_ > 0);
    tidies_ = false;
  }

  SystemClock clock_;
  PolicyClient policy_;
  Watched watched_;
  Surroundings around_;
  std::size_t sessions_ = 0;
  bool tidies_ = false;
  TaskScope tidying_;
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
