// pickup.h - Pickup: takes message files that programs drop into pickup/. A file somebody still writes is waited for.
// Rename to .taken/, journal with that name, unlink: states 15 and 16 of STATES.md. What is no message goes to badmail/ with the
// reason beside it.
#pragma once

#include <event2/event.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "libmailcore/base/unique_fd.h"
#include "queued/spool/acceptance.h"

namespace ostler::spool {

/// One loop.
class Pickup {
 public:
  Pickup(Environment& env, Acceptance& acceptance);
  ~Pickup();
  Pickup(const Pickup&) = delete;
  Pickup& operator=(const Pickup&) = delete;

  /// Goes on with what an earlier life took, then watches the folder. Errors: permanent (no inotify).
  [[nodiscard]] Result<void> start();
  /// No further file is taken.
  void stop() { stopped_ = true; }

 private:
  [[nodiscard]] Task<void> run();
  void finishTaken();
  /// False: it could not be accepted just now, and is tried again.
  [[nodiscard]] Task<bool> process(std::string takenName);
  void tellIgnored(const std::map<std::string, std::string>& ignored);
  [[nodiscard]] bool throwAway(const std::string& takenName, const std::string& why) const;
  [[nodiscard]] Task<bool> keepAsBadmail(std::string takenName, std::string reason);
  [[nodiscard]] Task<bool> giveBack(MessageRecord record, std::string content, std::string takenName);
  void onNotice();

  struct FreeEvent {
    void operator()(event* freed) const { event_free(freed); }
  };
  Environment& env_;
  Acceptance& acceptance_;
  std::string folder_;
  UniqueFd inotify_;
  std::unique_ptr<event, FreeEvent> notice_;
  Signal changed_;
  std::vector<std::string> left_;  ///< names in .taken/ that are to be tried again
  std::map<std::string, std::string> ignored_;  ///< names in pickup/ that were told of
  bool stopped_ = false;
  TaskScope scope_;
};

}  // namespace ostler::spool
