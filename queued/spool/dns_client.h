// dns_client.h - the spool's questions to role out about names: it has no network itself.
// Answers are kept for a minute, "later" not at all. Out away, or slow: State::later, and the check says what that means.
#pragma once

#include <string>
#include <unordered_map>

#include "libmailcore/ipc/socket.h"

namespace ostler::spool {

/// One loop.
class DnsClient {
 public:
  DnsClient(Loop& loop, const std::string& socketPath) : client_(loop, socketPath) {}
  [[nodiscard]] Task<ipc::LookedUp> ask(ipc::LookUp::What what, std::string text);

 private:
  struct Kept {
    ipc::LookedUp answer;
    SteadyTime until;
  };
  ipc::Client client_;
  std::unordered_map<std::string, Kept> kept_;
};

}  // namespace ostler::spool
