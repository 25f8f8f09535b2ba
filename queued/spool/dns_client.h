// dns_client.h - the spool's questions to role out about names: it has no network itself.
// Answers are kept for a minute, "later" not at all; who asks what is being asked waits for that answer. Out away, or slow:
// State::later, and the check says what that means.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "libmailcore/ipc/lookup.h"
#include "libmailcore/ipc/socket.h"

namespace ostler::spool {

/// One loop.
class DnsClient {
 public:
  DnsClient(Loop& loop, const std::string& socketPath) : loop_(loop), client_(loop, socketPath), questions_(loop) {}
  [[nodiscard]] Task<ipc::LookedUp> ask(ipc::LookUp::What what, std::string text);
  /// Asks without waiting: ask() soon after finds the answer there, or on its way.
  void begin(ipc::LookUp::What what, const std::string& text);

 private:
  struct Kept {
    ipc::LookedUp answer;
    SteadyTime until;
  };
  [[nodiscard]] Task<void> askOut(ipc::LookUp question, std::string key);
  Loop& loop_;
  ipc::Client client_;
  std::unordered_map<std::string, Kept> kept_;
  std::unordered_map<std::string, std::vector<std::shared_ptr<Signal>>> asked_;  ///< on their way, with who waits for each
  TaskScope questions_;  // last: its tasks use all of the above
};

}  // namespace ostler::spool
