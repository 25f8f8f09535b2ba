// probe.h - does a listener of the suite answer? Is not: whether what it says is right, but for whose greeting it is.
#pragma once

#include <string>
#include <vector>

#include "libmailcore/config/config.h"

namespace ostler::health {

struct Probe {
  std::string service;  ///< "smtp" "pop3" "imap" "http", or the name of a socket of the suite
  net::Endpoint address;
  bool greets = true;  ///< a TLS listener waits for the client: there a connection must do
  std::string name;    ///< stands in our greeting: another server's, which has taken the port, is no answer of ours; empty: any greeting
};

/// All listeners and the sockets clients depend on.
[[nodiscard]] std::vector<Probe> probesOf(const config::Config& config);

/// Also true of a socket of the suite that is there and closed to who asks. Blocks for at most two seconds a step.
[[nodiscard]] bool answers(const Probe& probe);

}  // namespace ostler::health
