#include "libmailcore/async/pool.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace ostler {

struct Pool::Impl {
  std::string name;
  std::size_t maxQueued;
  std::mutex mutex;
  std::condition_variable arrived;
  std::deque<std::function<void()>> queue;
  bool ending = false;
  std::vector<std::thread> threads;

  void work() {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    for (;;) {
      std::function<void()> job;
      {
        std::unique_lock lock(mutex);
        arrived.wait(lock, [this] { return ending || !queue.empty(); });
        if (queue.empty()) return;
        job = std::move(queue.front());
        queue.pop_front();
      }
      job();
    }
  }
};

Pool::Pool(std::string name, unsigned threads, std::size_t maxQueued) : impl_(std::make_unique<Impl>()) {
  impl_->name = std::move(name);
  impl_->maxQueued = maxQueued;
  for (unsigned i = 0; i < threads; ++i) impl_->threads.emplace_back([impl = impl_.get()] { impl->work(); });
}

Pool::~Pool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->ending = true;
  }
  impl_->arrived.notify_all();
  for (auto& thread : impl_->threads) thread.join();
}

bool Pool::post(std::function<void()> job) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->queue.size() >= impl_->maxQueued) return false;
    impl_->queue.push_back(std::move(job));
  }
  impl_->arrived.notify_one();
  return true;
}

}  // namespace ostler
