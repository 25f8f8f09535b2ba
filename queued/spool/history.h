// history.h - History: what became of messages, for `ostler why` after they have left. Files of a day in queue/history/, a line an event.
// Is not: the truth, that is the journal, from which the last second before a crash is told again. Nor the log: that has no memory and no key.
// Ids begin with their time, so a message is looked for from the day it came on, and no index is needed.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
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
  History(Pool& disk, std::string folder);

  /// One line: "deferred to=<...> reply=...". Control characters become spaces.
  void note(const Id128& id, WallTime now, std::string_view event);
  /// The same for what was said with a host: its line ends become " | ".
  void noteTranscript(const Id128& id, WallTime now, std::string_view transcript);
  /// Called at the first note behind a flush.
  void onNote(std::function<void()> tell) { tell_ = std::move(tell); }
  [[nodiscard]] bool hasNotes() const { return hasNotes_; }
  /// Hands what was noted to the pool; at most once a second unless much has come together. Now and then removes days older than `keep`.
  void flush(WallTime now, std::chrono::seconds keep);
  void flushNow();
  /// What the pool is to run so that all that is noted until then lies in the files, which others may copy. It blocks.
  [[nodiscard]] std::function<void()> writeDown() const;

  /// What another source says of a message, and how a line begins that says the same.
  struct Retold {
    Id128 id;
    WallTime at{};
    std::string text;
    std::string beginning;
  };
  /// At start-up: those of them go into the files that are not there yet, at least not at their ends.
  void tellAgain(std::vector<Retold> all);

  struct Event {
    WallTime at;
    std::string text;
  };
  /// What the pool is to run to learn a message's events in their order, all that were noted until it runs. It blocks.
  [[nodiscard]] std::function<std::vector<Event>()> lookUp(const Id128& id, WallTime now) const;

 private:
  struct Pages;
  Pool& disk_;
  std::shared_ptr<Pages> pages_;  ///< jobs of the pool hold it as well
  std::function<void()> tell_;
  bool hasNotes_ = false;
  WallTime flushed_{};
  WallTime cleaned_{};
};

}  // namespace ostler::spool
