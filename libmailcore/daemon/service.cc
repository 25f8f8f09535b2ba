#include "libmailcore/daemon/service.h"

#include <event2/event.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "libmailcore/daemon/certificates.h"
#include "libmailcore/daemon/descriptors.h"
#include "libmailcore/daemon/drain.h"
#include "libmailcore/daemon/listener_set.h"
#include "libmailcore/daemon/signals.h"
#include "libmailcore/daemon/started_on.h"
#include "libmailcore/daemon/worker_thread.h"
#include "libmailcore/log/open.h"

namespace ostler::daemon {
namespace {

using namespace std::chrono_literals;

constexpr unsigned kBeforeAnotherStart = 1;  // seconds; who starts us again does it at once
constexpr auto kLook = 20ms;  // how often a draining main thread looks whether its workers are done

Result<std::shared_ptr<const Snapshot>> makeSnapshot(std::shared_ptr<const config::Config> config, const std::vector<ListenerPlan>& plans) {
  auto snapshot = std::make_shared<Snapshot>();
  if (!config->certificates.empty()) {
    auto tls = net::TlsServerContext::load(config->certificates, config->clientCa);
    if (!tls) return fail(tls.error());
    snapshot->tls = std::move(*tls);
  }
  for (const ListenerPlan& plan : plans) {
    if (plan.certificates.empty() || snapshot->tlsOfGroup.contains(plan.group)) continue;
    std::vector<net::CertificateFiles> all = plan.certificates;
    all.insert(all.end(), config->certificates.begin(), config->certificates.end());
    auto tls = net::TlsServerContext::load(all, config->clientCa);
    if (!tls) return fail(tls.error());
    snapshot->tlsOfGroup.emplace(plan.group, std::move(*tls));
  }
  snapshot->config = std::move(config);
  return std::shared_ptr<const Snapshot>(std::move(snapshot));
}

Result<void> checkPlans(const std::vector<ListenerPlan>& plans, const Snapshot& snapshot) {
  for (const ListenerPlan& plan : plans) {
    if (plan.listener.tls == config::ListenerTls::implicit && !snapshot.tlsFor(plan)) {
      return fail(Error::Kind::permanent,
                  plan.listener.address.text() + " wants TLS, and no certificate is configured");
    }
  }
  return {};
}

unsigned workerCount(const config::Config& config) {
  return config.workers != 0 ? config.workers : std::max(1U, std::thread::hardware_concurrency());
}

// The main thread: signals, reload, watchdog. It serves nobody.
class Master {
 public:
  Master(const Daemon& daemon, std::string file, log::Log log)
      : daemon_(daemon), file_(std::move(file)), log_(std::move(log)) {}

  [[nodiscard]] Result<void> start(std::shared_ptr<const config::Config> config);
  void serve();

 private:
  struct FreeEvent {
    void operator()(event* freed) const { event_free(freed); }
  };
  using Event = std::unique_ptr<event, FreeEvent>;

  void reload();
  [[nodiscard]] Result<std::size_t> use(std::shared_ptr<const config::Config> config);
  void lookAtCertificates();
  void tellOfCertificates() const;
  void lookForNewFiles();
  void beginDrain();
  void look();
  void watch();
  void takeSignals();
  void onSignal(int signal, event_callback_fn handler);
  Event every(std::chrono::microseconds interval, event_callback_fn handler);

  const Daemon& daemon_;
  const std::string file_;
  StartedOn startedOn_{file_};
  log::Log log_;
  Loop loop_;
  ListenerSet listeners_;
  std::shared_ptr<ConnectionCounts> counts_ = std::make_shared<ConnectionCounts>();
  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<FileState> certificateFiles_;  ///< as they were just before they were read
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  std::vector<Event> events_;
  bool draining_ = false;
  bool looksForNewFiles_ = false;
};

Result<void> Master::start(std::shared_ptr<const config::Config> config) {
  const unsigned count = workerCount(*config);
  const std::vector<ListenerPlan> plans = daemon_.listeners(*config);
  certificateFiles_ = statesOfCertificates(*config);
  auto snapshot = makeSnapshot(std::move(config), plans);
  if (!snapshot) return fail(snapshot.error());
  snapshot_ = std::move(*snapshot);
  if (const auto sound = checkPlans(plans, *snapshot_); !sound) return sound;
  auto shares = listeners_.change(plans, count);
  if (!shares) return fail(shares.error());
  ::tzset();      // reads a file, which later is not allowed
  takeSignals();  // before anybody is greeted: who hears SIGTERM then says goodbye
  if (daemon_.confineProcess) {
    if (const auto confined = daemon_.confineProcess(*snapshot_->config, file_); !confined) return confined;
  }
  if (daemon_.startShared) {
    if (const auto started = daemon_.startShared(*snapshot_->config, log_); !started) return started;
  }
  for (unsigned n = 0; n < count; ++n) {
    workers_.push_back(std::make_unique<WorkerThread>(daemon_, n, log_, counts_, snapshot_));
    workers_.back()->use(snapshot_, std::move((*shares)[n]));
    workers_.back()->start();
  }
  tellOfCertificates();
  log_.info("started", {{"workers", std::uint64_t{count}}, {"listeners", std::uint64_t{plans.size()}}});
  return {};
}

void Master::onSignal(int signal, event_callback_fn handler) {
  events_.emplace_back(evsignal_new(loop_.base(), signal, handler, this));
  event_add(events_.back().get(), nullptr);
  letIn(signal);
}

Master::Event Master::every(std::chrono::microseconds interval, event_callback_fn handler) {
  Event made(event_new(loop_.base(), -1, EV_PERSIST, handler, this));
  const timeval wait{interval.count() / 1'000'000, interval.count() % 1'000'000};
  event_add(made.get(), &wait);
  return made;
}

void Master::takeSignals() {
  onSignal(SIGHUP, [](evutil_socket_t, short, void* master) { static_cast<Master*>(master)->reload(); });
  onSignal(SIGUSR1, [](evutil_socket_t, short, void* master) { static_cast<Master*>(master)->log_.reopen(); });
  for (const int signal : {SIGTERM, SIGINT}) {
    onSignal(signal, [](evutil_socket_t, short, void* master) { static_cast<Master*>(master)->beginDrain(); });
  }
}

void Master::serve() {
  std::uint64_t watchdogMicros = 0;
  if (sd_watchdog_enabled(0, &watchdogMicros) > 0) {
    events_.push_back(every(std::chrono::microseconds(watchdogMicros / 2),
                            [](evutil_socket_t, short, void* master) { static_cast<Master*>(master)->watch(); }));
  }
  lookForNewFiles();
  events_.push_back(every(daemon_.certificatesToldOf, [](evutil_socket_t, short, void* master) { static_cast<Master*>(master)->tellOfCertificates(); }));
  events_.push_back(every(daemon_.certificatesLookedAt, [](evutil_socket_t, short, void* master) { static_cast<Master*>(master)->lookAtCertificates(); }));
  sd_notify(0, "READY=1");
  loop_.run();
  workers_.clear();
  log_.info("stopped");
}

// Said at start, on reload and every day: whoever reads the log hears of it before clients do.
void Master::tellOfCertificates() const {
  for (const EndingCertificate& one : certificatesThatEnd(*snapshot_->config, SystemClock().now())) {
    log_.warn("certificate-expires", {{"file", one.file}, {"days", std::to_string(one.days)}});
  }
}

// Begins when there is such a log, perhaps after a reload.
void Master::lookForNewFiles() {
  if (looksForNewFiles_ || !log_.changesFile()) return;
  looksForNewFiles_ = true;
  events_.push_back(every(log::kLogLook, [](evutil_socket_t, short, void* master) { static_cast<Master*>(master)->log_.tick(); }));
}

/// From now on, for whoever comes. How many listeners there are. Errors: all stays as it was.
Result<std::size_t> Master::use(std::shared_ptr<const config::Config> config) {
  const std::vector<ListenerPlan> plans = daemon_.listeners(*config);
  auto snapshot = makeSnapshot(std::move(config), plans);
  if (!snapshot) return fail(snapshot.error());
  if (const auto sound = checkPlans(plans, **snapshot); !sound) return fail(sound.error());
  auto shares = listeners_.change(plans, static_cast<unsigned>(workers_.size()));
  if (!shares) return fail(shares.error());
  snapshot_ = std::move(*snapshot);
  for (std::size_t n = 0; n < workers_.size(); ++n) workers_[n]->use(snapshot_, std::move((*shares)[n]));
  return plans.size();
}

void Master::reload() {
  if (draining_) return;
  sd_notify(0, "RELOADING=1");
  const auto keepOld = [this](const std::string& why) {
    log_.error("reload-refused", {{"reason", why}});
    sd_notify(0, "READY=1");
  };
  config::Loaded loaded = config::load(file_);
  for (const config::Problem& problem : loaded.problems) log_.warn("config", {{"problem", config::toText(problem)}});
  if (!loaded.config) return keepOld("the configuration has errors");
  std::vector<FileState> files = statesOfCertificates(*loaded.config);
  const Result<std::size_t> used = use(std::move(loaded.config));
  if (!used) return keepOld(used.error().detail);
  certificateFiles_ = std::move(files);
  log::apply(log_, snapshot_->config->log, daemon_.name);
  lookForNewFiles();
  tellOfCertificates();
  log_.info("reloaded", {{"listeners", std::uint64_t{*used}}});
  if (const std::string why = startedOn_.nothingNew(); !why.empty()) log_.warn("reload-of-one", {{"reason", why}});
  sd_notify(0, "READY=1");
}

// Whoever renews a certificate need not know of us. The configuration is not read anew: it may be half written. A key comes before its
// certificate, or behind it: until both are there the old pair is shown, and the next change is looked at again.
void Master::lookAtCertificates() {
  if (draining_) return;
  std::vector<FileState> files = statesOfCertificates(*snapshot_->config);
  if (files == certificateFiles_) return;
  certificateFiles_ = std::move(files);
  const Result<std::size_t> used = use(snapshot_->config);
  if (!used) return log_.warn("certificates-refused", {{"reason", used.error().detail}});
  log_.info("certificates-reloaded");
  tellOfCertificates();
}

void Master::beginDrain() {
  if (std::exchange(draining_, true)) return;
  sd_notify(0, "STOPPING=1");
  log_.info("draining");
  for (const auto& worker : workers_) worker->drain(Deadline::after(kDrainOfClients));
  events_.push_back(every(kLook, [](evutil_socket_t, short, void* master) { static_cast<Master*>(master)->look(); }));
}

void Master::look() {
  if (std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->finished(); }))
    loop_.stop();
}

// Alive is who has answered since the last time.
void Master::watch() {
  if (!std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->answered(); })) return;
  sd_notify(0, "WATCHDOG=1");
  for (const auto& worker : workers_) worker->ping();
}

std::string configurationFile(int argc, char** argv) {
  for (int at = 1; at + 1 < argc; ++at) {
    if (std::strcmp(argv[at], "-c") == 0 || std::strcmp(argv[at], "--config") == 0) return argv[at + 1];
  }
  const char* const named = std::getenv("OSTLER_CONFIG");
  return named && *named ? named : "/etc/ostler/ostler.yaml";
}

bool argumentsAreSound(int argc, char** argv) {
  return argc == 1 || (argc == 3 && (std::strcmp(argv[1], "-c") == 0 || std::strcmp(argv[1], "--config") == 0));
}

}  // namespace

const std::shared_ptr<const net::TlsServerContext>& Snapshot::tlsFor(const ListenerPlan& plan) const {
  const auto own = plan.certificates.empty() ? tlsOfGroup.end() : tlsOfGroup.find(plan.group);
  return own == tlsOfGroup.end() ? tls : own->second;
}

int run(const Daemon& daemon, int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0)
    return std::printf("%s (Ostler) %s\n", daemon.name.c_str(), OSTLER_VERSION) > 0 ? EX_OK : EX_IOERR;
  if (!argumentsAreSound(argc, argv)) {
    std::fprintf(stderr, "usage: %s [-c FILE]\n", daemon.name.c_str());
    return EX_USAGE;
  }
  const std::string file = configurationFile(argc, argv);
  const config::Loaded loaded = config::load(file);
  for (const config::Problem& problem : loaded.problems) std::fprintf(stderr, "%s\n", config::toText(problem).c_str());
  if (!loaded.config) return EX_CONFIG;
  std::signal(SIGPIPE, SIG_IGN);
  useAllDescriptors();
  const log::Log log = log::open(loaded.config->log, daemon.name);
  Master master(daemon, file, log);
  const Result<void> started = master.start(loaded.config);
  if (!started) {
    log.error("not-started", {{"reason", started.error().detail}});
    std::fprintf(stderr, "%s: %s\n", daemon.name.c_str(), started.error().detail.c_str());
    if (started.error().kind == Error::Kind::temporary) return ::sleep(kBeforeAnotherStart), EX_TEMPFAIL;
    return started.error().kind == Error::Kind::denied ? EX_NOPERM : EX_CONFIG;
  }
  master.serve();
  return EX_OK;
}

}  // namespace ostler::daemon
