#include "libmailcore/daemon/worker_thread.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include <csignal>

#include "libmailcore/daemon/admission.h"
#include "libmailcore/net/listener.h"

namespace ostler::daemon {

// What lives on the thread's loop and nowhere else.
class WorkerThread::Inside {
 public:
  Inside(const Daemon& daemon, Loop& loop, log::Log log, std::shared_ptr<ConnectionCounts> counts,
         std::shared_ptr<const Snapshot> snapshot)
      : daemon_(daemon),
        loop_(loop),
        log_(std::move(log)),
        counts_(std::move(counts)),
        snapshot_(std::move(snapshot)),
        gate_(loop),
        protocol_(daemon.protocol({loop, gate_, log_, snapshot_})),
        sessions_(loop) {}

  void use(std::shared_ptr<const Snapshot> snapshot, std::vector<BoundListener> bound) {
    snapshot_ = std::move(snapshot);
    std::map<net::Endpoint, std::shared_ptr<Listening>> next;
    for (BoundListener& one : bound) {
      std::shared_ptr<Listening> listening = std::make_shared<Listening>();
      if (!one.socket) {
        const auto known = listeners_.find(one.plan->listener.address);
        if (known == listeners_.end()) continue;
        listening = known->second;
      }
      listening->plan = one.plan;
      if (one.socket) listening->listener = listenTo(listening, std::move(one.socket));
      next.emplace(one.plan->listener.address, std::move(listening));
    }
    listeners_ = std::move(next);
  }

  void drain(Deadline deadline) {
    listeners_.clear();
    gate_.close();
    leaving_ = std::make_unique<TaskScope>(loop_);
    leaving_->spawn(leave(loop_, sessions_, log_, deadline));
  }

 private:
  struct Listening {
    std::shared_ptr<const ListenerPlan> plan;
    std::unique_ptr<net::Listener> listener;
  };

  std::unique_ptr<net::Listener> listenTo(const std::shared_ptr<Listening>& listening, UniqueFd socket) {
    return std::make_unique<net::Listener>(
        loop_, std::move(socket),
        [this, at = std::weak_ptr<Listening>(listening)](std::unique_ptr<net::Stream> stream, net::Endpoint peer) {
          if (const auto here = at.lock()) accept(*here, std::move(stream), std::move(peer));
        });
  }
  void accept(const Listening& listening, std::unique_ptr<net::Stream> stream, net::Endpoint peer) {
    Arrival arrival;
    arrival.local = net::localEndpoint(stream->fd()).value_or(listening.plan->listener.address);
    arrival.stream = std::move(stream);
    arrival.client = std::move(peer);
    arrival.snapshot = snapshot_;
    arrival.plan = listening.plan;
    sessions_.spawn(admit(*protocol_, loop_, daemon_, log_, counts_, std::move(arrival)));
  }
  static Task<void> leave(Loop& loop, TaskScope& sessions, log::Log log, Deadline deadline) {
    const Result<void> idle = co_await sessions.whenIdle(deadline);
    if (!idle) log.warn("sessions-cut-off", {{"count", sessions.running()}});
    loop.stop();
  }

  const Daemon& daemon_;
  Loop& loop_;
  log::Log log_;
  std::shared_ptr<ConnectionCounts> counts_;
  std::shared_ptr<const Snapshot> snapshot_;
  Gate gate_;
  std::unique_ptr<Protocol> protocol_;
  TaskScope sessions_;
  std::map<net::Endpoint, std::shared_ptr<Listening>> listeners_;
  std::unique_ptr<TaskScope> leaving_;
};

WorkerThread::WorkerThread(const Daemon& daemon, unsigned number, log::Log log,
                           std::shared_ptr<ConnectionCounts> counts, std::shared_ptr<const Snapshot> snapshot)
    : daemon_(daemon), number_(number), log_(std::move(log)), counts_(std::move(counts)), first_(std::move(snapshot)) {}

WorkerThread::~WorkerThread() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

void WorkerThread::start() {
  thread_ = std::thread([this] { body(); });
}

void WorkerThread::body() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);  // signals are the main thread's
  const std::string name = daemon_.name + "/" + std::to_string(number_);
  ::prctl(PR_SET_NAME, name.substr(0, 15).c_str());
  const Result<void> confined = daemon_.confineWorker ? daemon_.confineWorker() : Result<void>();
  if (!confined) {  // nobody is served outside the sandbox
    log_.error("sandbox", {{"thread", name}, {"reason", confined.error().detail}});
    ::_exit(EX_OSERR);
  }
  loop_.onUncaught([log = log_](const std::string& what) { log.error("uncaught", {{"what", what}}); });
  inside_ = std::make_unique<Inside>(daemon_, loop_, log_, counts_, first_);
  loop_.run();
  inside_.reset();
  finished_ = true;
}

void WorkerThread::use(std::shared_ptr<const Snapshot> snapshot, std::vector<BoundListener> listeners) {
  // std::function copies what it holds; sockets do not copy.
  auto handed = std::make_shared<std::vector<BoundListener>>(std::move(listeners));
  loop_.post([this, snapshot = std::move(snapshot), handed] { inside_->use(snapshot, std::move(*handed)); });
}

void WorkerThread::drain(Deadline deadline) {
  loop_.post([this, deadline] { inside_->drain(deadline); });
}

void WorkerThread::ping() {
  answered_ = false;
  loop_.post([this] { answered_ = true; });
}

}  // namespace ostler::daemon
