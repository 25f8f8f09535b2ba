#include "libmailcore/async/loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <unordered_set>
#include <vector>

#include "libmailcore/base/unique_fd.h"

namespace ostler {

// A suspended coroutine: perhaps in the heap of deadlines, perhaps in the list of those to be resumed, perhaps known to a
// Signal. It lives in the frame that waits, so that its destructor, run when the frame is destroyed, takes it out of all three.
struct Loop::Waiter {
  explicit Waiter(Core& on) : core(on) {}
  ~Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  static constexpr std::size_t kNoPlace = SIZE_MAX;
  Core& core;
  std::coroutine_handle<> frame;
  Signal* signal = nullptr;
  SteadyTime at = SteadyTime::max();
  std::size_t place = kNoPlace;  // in Core::deadlines
  Waiter* previous = nullptr;    // in the ready list
  Waiter* next = nullptr;
  bool ready = false;
  bool timedOut = false;
};

struct Loop::Core {
  Core();

  void makeReady(Waiter& waiter);
  void unready(Waiter& waiter);
  void addDeadline(Waiter& waiter);
  void removeDeadline(Waiter& waiter);
  void expireDeadlines();
  void armAlarm();
  void takePosted();
  void wakeUp() const;
  [[nodiscard]] bool hasWork() const { return firstReady != nullptr || !jobs.empty(); }

  struct FreeBase {
    void operator()(event_base* freed) const { event_base_free(freed); }
  };
  struct FreeEvent {
    void operator()(event* freed) const { event_free(freed); }
  };
  std::unique_ptr<event_base, FreeBase> base;
  std::unique_ptr<event, FreeEvent> alarm;  // the one libevent timer: rings for the earliest of our deadlines
  std::unique_ptr<event, FreeEvent> wake;
  UniqueFd wakeFd;

  // The loop's own.
  Waiter* firstReady = nullptr;
  Waiter* lastReady = nullptr;
  std::size_t readyCount = 0;
  std::vector<Waiter*> deadlines;  // a binary heap by Waiter::at; 8 octets a waiting connection
  SteadyTime alarmAt = SteadyTime::max();
  std::deque<std::function<void()>> jobs;
  std::function<void(const std::string&)> uncaught;

  // Shared with other threads.
  std::mutex mutex;
  std::vector<std::function<void()>> posted;
  std::atomic<bool> woken = false;  // the eventfd was written and the loop has not looked since
  std::atomic<bool> stopping = false;
  std::atomic<std::thread::id> runner;  // none while run() is not running

 private:
  void place(Waiter* waiter, std::size_t at);
  void siftUp(std::size_t at);
  void siftDown(std::size_t at);
};

Loop::Core::Core() {
  event_config* const config = event_config_new();
  // One thread touches the base; other threads come through the eventfd.
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  base.reset(event_base_new_with_config(config));
  event_config_free(config);
  if (!base) throw std::runtime_error("event_base_new failed");
  wakeFd.reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wakeFd) throw std::runtime_error("eventfd failed");
  alarm.reset(event_new(
      base.get(), -1, 0, [](evutil_socket_t, short, void* core) { static_cast<Core*>(core)->alarmAt = SteadyTime::max(); },
      this));
  // Edge-triggered: each write of the eventfd is an edge, so it is never read.
  wake.reset(event_new(base.get(), wakeFd.get(), EV_READ | EV_PERSIST | EV_ET, [](evutil_socket_t, short, void*) {}, nullptr));
  if (!alarm || !wake || event_add(wake.get(), nullptr) != 0) throw std::runtime_error("event_new failed");
}

void Loop::Core::makeReady(Waiter& waiter) {
  if (waiter.ready) return;
  removeDeadline(waiter);
  waiter.ready = true;
  waiter.previous = lastReady;
  waiter.next = nullptr;
  (lastReady ? lastReady->next : firstReady) = &waiter;
  lastReady = &waiter;
  ++readyCount;
}

void Loop::Core::unready(Waiter& waiter) {
  if (!waiter.ready) return;
  waiter.ready = false;
  --readyCount;
  (waiter.previous ? waiter.previous->next : firstReady) = waiter.next;
  (waiter.next ? waiter.next->previous : lastReady) = waiter.previous;
}

void Loop::Core::place(Waiter* waiter, std::size_t at) {
  deadlines[at] = waiter;
  waiter->place = at;
}

void Loop::Core::siftUp(std::size_t at) {
  Waiter* const moved = deadlines[at];
  while (at > 0 && moved->at < deadlines[(at - 1) / 2]->at) {
    place(deadlines[(at - 1) / 2], at);
    at = (at - 1) / 2;
  }
  place(moved, at);
}

void Loop::Core::siftDown(std::size_t at) {
  Waiter* const moved = deadlines[at];
  for (std::size_t child = 2 * at + 1; child < deadlines.size(); child = 2 * at + 1) {
    if (child + 1 < deadlines.size() && deadlines[child + 1]->at < deadlines[child]->at) ++child;
    if (moved->at <= deadlines[child]->at) break;
    place(deadlines[child], at);
    at = child;
  }
  place(moved, at);
}

void Loop::Core::addDeadline(Waiter& waiter) {
  deadlines.push_back(&waiter);
  siftUp(deadlines.size() - 1);
}

void Loop::Core::removeDeadline(Waiter& waiter) {
  if (waiter.place == Waiter::kNoPlace) return;
  const std::size_t hole = std::exchange(waiter.place, Waiter::kNoPlace);
  Waiter* const last = deadlines.back();
  deadlines.pop_back();
  if (last == &waiter) return;
  place(last, hole);
  siftUp(hole);
  siftDown(last->place);
}

void Loop::Core::expireDeadlines() {
  if (deadlines.empty()) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  while (!deadlines.empty() && deadlines.front()->at <= now) {
    Waiter& waiter = *deadlines.front();
    waiter.timedOut = true;
    makeReady(waiter);
  }
}

// An alarm that rings too early costs one turn; only one that would ring too late must be set anew.
void Loop::Core::armAlarm() {
  if (deadlines.empty() || deadlines.front()->at >= alarmAt) return;
  alarmAt = deadlines.front()->at;
  const auto wait = std::chrono::duration_cast<std::chrono::microseconds>(alarmAt - std::chrono::steady_clock::now());
  const auto micros = std::clamp<std::int64_t>(wait.count(), 1'000, 86'400'000'000);  // a far one rings early, once a day
  const timeval in{micros / 1'000'000, micros % 1'000'000};
  event_add(alarm.get(), &in);
}

void Loop::Core::takePosted() {
  if (!woken.exchange(false)) return;
  std::vector<std::function<void()>> taken;
  {
    const std::lock_guard lock(mutex);
    taken.swap(posted);
  }
  for (auto& job : taken) jobs.push_back(std::move(job));
}

void Loop::Core::wakeUp() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wakeFd.get(), &one, sizeof one);
}

Loop::Waiter::~Waiter() {
  core.removeDeadline(*this);
  core.unready(*this);
  if (signal) signal->waiter_ = nullptr;
}

// Suspends the awaiting coroutine; whoever holds the waiter resumes it by makeReady().
struct Loop::Suspend {
  explicit Suspend(Waiter& who) : waiter(who) {}
  Waiter& waiter;
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> frame) const noexcept { waiter.frame = frame; }
  void await_resume() const noexcept {}
};

Loop::Loop() : core_(std::make_unique<Core>()) {}

Loop::~Loop() {
  // What a job owned may post again while it is destroyed.
  for (core_->takePosted(); !core_->jobs.empty(); core_->takePosted()) std::exchange(core_->jobs, {}).clear();
}

event_base* Loop::base() { return core_->base.get(); }

void Loop::onUncaught(std::function<void(const std::string&)> handler) { core_->uncaught = std::move(handler); }

void Loop::reportUncaught(const std::exception_ptr& exception) noexcept try {
  std::string what = "unknown exception";
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& known) {
    what = known.what();
  } catch (...) {  // not ours to know
  }
  if (core_->uncaught) {
    core_->uncaught(what);
  } else {
    std::fprintf(stderr, "uncaught exception in a task: %s\n", what.c_str());
  }
} catch (...) {
  std::fputs("uncaught exception in a task\n", stderr);
}

void Loop::run() {
  core_->runner = std::this_thread::get_id();
  while (!core_->stopping) {
    core_->takePosted();
    core_->expireDeadlines();
    // Only what is here now: what these make ready waits for the next turn, after the sockets had theirs.
    for (std::size_t count = core_->readyCount; count > 0 && core_->firstReady && !core_->stopping; --count) {
      Waiter& waiter = *core_->firstReady;
      core_->unready(waiter);
      waiter.frame.resume();
    }
    for (std::size_t count = core_->jobs.size(); count > 0 && !core_->stopping; --count) {
      const std::function<void()> job = std::move(core_->jobs.front());
      core_->jobs.pop_front();
      try {
        job();
      } catch (...) {
        reportUncaught(std::current_exception());
      }
    }
    if (core_->stopping) break;
    core_->armAlarm();
    event_base_loop(core_->base.get(), core_->hasWork() || core_->woken ? EVLOOP_NONBLOCK : EVLOOP_ONCE);
  }
  core_->stopping = false;
  core_->runner = std::thread::id();
}

void Loop::stop() {
  core_->stopping = true;
  if (core_->runner.load() != std::this_thread::get_id()) core_->wakeUp();
}

void Loop::post(std::function<void()> job) {
  if (core_->runner.load() == std::this_thread::get_id()) {
    // Ours, but what other threads posted before us comes before us.
    core_->takePosted();
    core_->jobs.push_back(std::move(job));
    return;
  }
  {
    const std::lock_guard lock(core_->mutex);
    core_->posted.push_back(std::move(job));
  }
  if (!core_->woken.exchange(true)) core_->wakeUp();
}

Task<void> Loop::sleepUntil(Deadline deadline) {
  Waiter waiter(*core_);
  waiter.at = deadline.at;
  core_->addDeadline(waiter);
  co_await Suspend(waiter);
}

Task<void> Loop::yield() {
  Waiter waiter(*core_);
  core_->makeReady(waiter);
  co_await Suspend(waiter);
}

// ---- Signal

Signal::~Signal() {
  if (waiter_) waiter_->signal = nullptr;
}

void Signal::set() {
  set_ = true;
  if (waiter_) loop_.core_->makeReady(*waiter_);
}

Task<Result<void>> Signal::wait(Deadline deadline) {
  if (!set_) {
    if (deadline.at != SteadyTime::max() && deadline.passed()) co_return fail(Error::Kind::timeout, "deadline passed");
    Loop::Waiter waiter(*loop_.core_);
    waiter.at = deadline.at;
    if (deadline.at != SteadyTime::max()) loop_.core_->addDeadline(waiter);
    waiter.signal = this;
    waiter_ = &waiter;
    co_await Loop::Suspend(waiter);
    // A set() between the deadline and our turn counts: what it tells of is there.
    if (!set_) co_return fail(Error::Kind::timeout, "deadline passed");
  }
  set_ = false;
  co_return Result<void>();
}

// ---- TaskScope

// The outermost frame of a spawned task. It destroys itself when it is done.
struct TaskScope::State {
  explicit State(Loop& on) : loop(on), idle(on) {}
  Loop& loop;
  Signal idle;
  std::unordered_set<void*> frames;  // addresses of suspended or running root frames

  struct Root {
    struct promise_type {
      promise_type(State& in, Task<void>&) : state(in) {
        state.frames.insert(std::coroutine_handle<promise_type>::from_promise(*this).address());
      }
      ~promise_type() {
        state.frames.erase(std::coroutine_handle<promise_type>::from_promise(*this).address());
        if (state.frames.empty()) state.idle.set();
      }
      promise_type(const promise_type&) = delete;
      promise_type& operator=(const promise_type&) = delete;
      State& state;
      Root get_return_object() const { return {}; }
      std::suspend_never initial_suspend() const noexcept { return {}; }
      std::suspend_never final_suspend() const noexcept { return {}; }
      void return_void() const {}
      void unhandled_exception() const { state.loop.reportUncaught(std::current_exception()); }
    };
  };
  static Root start(State&, Task<void> task) { co_await task; }
};

TaskScope::TaskScope(Loop& loop) : state_(std::make_unique<State>(loop)) {}
TaskScope::~TaskScope() { cancelAll(); }

void TaskScope::spawn(Task<void> task) { State::start(*state_, std::move(task)); }

std::size_t TaskScope::running() const { return state_->frames.size(); }

Task<Result<void>> TaskScope::whenIdle(Deadline deadline) {
  while (!state_->frames.empty()) {
    const Result<void> woken = co_await state_->idle.wait(deadline);
    if (!woken) co_return woken;
  }
  co_return Result<void>();
}

void TaskScope::cancelAll() {
  while (!state_->frames.empty()) std::coroutine_handle<>::from_address(*state_->frames.begin()).destroy();
}

}  // namespace ostler
