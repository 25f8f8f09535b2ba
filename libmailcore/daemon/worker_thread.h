// worker_thread.h - one thread with its loop, its listeners and its sessions.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "libmailcore/base/unique_fd.h"
#include "libmailcore/daemon/service.h"

namespace ostler::daemon {

/// A listening socket for one worker.
struct BoundListener {
  std::shared_ptr<const ListenerPlan> plan;
  UniqueFd socket;  ///< none: the worker listens there already, and only the plan is new
};

/// Made, started and destroyed by the main thread.
class WorkerThread {
 public:
  WorkerThread(const Daemon& daemon, unsigned number, log::Log log, std::shared_ptr<ConnectionCounts> counts,
               std::shared_ptr<const Snapshot> snapshot);
  ~WorkerThread();  ///< waits for the thread
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  void start();
  /// From now on exactly these listeners, and this snapshot for new sessions.
  void use(std::shared_ptr<const Snapshot> snapshot, std::vector<BoundListener> listeners);
  /// Closes the listeners, tells the sessions, and ends the thread when the last has gone, or at the deadline.
  void drain(Deadline deadline);
  /// Asks the loop for a sign of life; answered() tells whether it came.
  void ping();
  [[nodiscard]] bool answered() const { return answered_; }
  [[nodiscard]] bool finished() const { return finished_; }

 private:
  class Inside;
  void body();

  const Daemon& daemon_;
  unsigned number_;
  log::Log log_;
  std::shared_ptr<ConnectionCounts> counts_;
  std::shared_ptr<const Snapshot> first_;
  Loop loop_;
  std::unique_ptr<Inside> inside_;  // the thread's own
  std::atomic<bool> answered_ = true;
  std::atomic<bool> finished_ = false;
  std::thread thread_;
};

}  // namespace ostler::daemon
