// history.h - History: what became of messages, for `ostler why` after they have left. Files of a day in queue/history/, a line an event.
// Is not: the truth, that is the journal; a crash may lose the last second of it. Nor the log: that has no memory and no key.
// Ids begin with their time, so a message is looked for from the day it came on, and no index is needed.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/async/pool.h"
#include "libmailcore/base/clock.h"
#include "libmailcore/base/ids.h"

namespace ostler::spool {

/// One loop; what is read and written runs on the pool.
class History {
 public:
  /// `folder` is made when it is not there.
  History(Pool& disk, std::string folder) : disk_(disk), folder_(std::move(folder)) {}

  /// One line: "deferred to=<...> reply=...". Control characters become spaces.
  void note(const Id128& id, WallTime now, std::string_view event);
  /// Hands what was noted to the pool; at most once a second unless much has come together. Now and then removes days older than `keep`.
  void flush(WallTime now, std::chrono::seconds keep);
  void flushNow();

  struct Event {
    WallTime at;
    std::string text;
  };
  /// In their order. Blocking: call from the pool. REQUIRES: flushNow() ran.
  [[nodiscard]] static std::vector<Event> find(const std::string& folder, const Id128& id, WallTime now);
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  Pool& disk_;
  std::string folder_;
  std::string noted_;   ///< lines of one day
  std::string day_;     ///< of `noted_`
  WallTime flushed_{};
  WallTime cleaned_{};
};

}  // namespace ostler::spool
