// transcript.h - which sessions are written down line by line, for an administrator who asked for it. The lines go to the log (event
// `transcript`); what a client proves its identity with, and content, never do.
// Is not: the log of what became of a session, which is always written (session.cc).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/net/address.h"
#include "smtpd/policy.h"

namespace ostler::smtpd {

/// One loop: a worker's. Asks the spool for the list, and hears of each change.
class Watched {
 public:
  Watched(Loop& loop, Policy& policy);
  /// `user`: empty before the login.
  [[nodiscard]] bool covers(const net::IpAddress* client, std::string_view user, WallTime now) const;

 private:
  struct Row {
    std::optional<net::Cidr> client;
    std::string user;
    WallTime until;
  };
  static Task<void> follow(Watched& self);
  Loop& loop_;
  Policy& policy_;
  std::vector<Row> rows_;
  TaskScope following_;  // last: its task uses all of the above
};

/// The client's line as it may be shown: of AUTH the mechanism alone, and of what is no command its length.
[[nodiscard]] std::string withoutSecrets(std::string_view line);

}  // namespace ostler::smtpd
