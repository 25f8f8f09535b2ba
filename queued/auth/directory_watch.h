// directory_watch.h - DirectoryWatch: hears that the directory was written to, by whichever process: inotify(7) on its folder. LMDB writes its
// file by pwrite(2), so each change is heard at least once after it can be read. Is not: what has changed.
#pragma once

#include <event2/event.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "libmailcore/async/loop.h"
#include "libmailcore/base/unique_fd.h"

namespace ostler::queued::auth {

/// One loop.
class DirectoryWatch {
 public:
  /// Where there is no inotify nothing is heard.
  DirectoryWatch(Loop& loop, const std::string& folder, std::function<void()> onWritten)
      : onWritten_(std::move(onWritten)), inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    if (!inotify_ || ::inotify_add_watch(inotify_.get(), folder.c_str(), IN_MODIFY) < 0) return;
    notice_.reset(event_new(loop.base(), inotify_.get(), EV_READ | EV_PERSIST, &DirectoryWatch::arrived, this));
    event_add(notice_.get(), nullptr);
  }
  DirectoryWatch(const DirectoryWatch&) = delete;
  DirectoryWatch& operator=(const DirectoryWatch&) = delete;
  [[nodiscard]] bool isWatching() const { return notice_ != nullptr; }

 private:
  static void arrived(evutil_socket_t, short, void* self) {
    const auto& watch = *static_cast<const DirectoryWatch*>(self);
    alignas(inotify_event) char notices[4096];
    while (::read(watch.inotify_.get(), notices, sizeof notices) > 0) {
    }
    watch.onWritten_();
  }
  struct FreeEvent {
    void operator()(event* freed) const { event_free(freed); }
  };
  std::function<void()> onWritten_;
  UniqueFd inotify_;
  std::unique_ptr<event, FreeEvent> notice_;
};

}  // namespace ostler::queued::auth
