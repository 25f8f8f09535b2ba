// relay_socket.h - RelaySocket: lines for a syslog server elsewhere, handed to the one process of ours that has the network.
// A packet is one line as RFC 5424 6 has it. Is not: what sends them on (queued/out/log_relay.h).
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

#include "libmailcore/base/unique_fd.h"

namespace ostler::log {

/// Any thread. Nothing waits: what cannot be handed over at once is refused.
class RelaySocket {
 public:
  explicit RelaySocket(std::string path) : path_(std::move(path)) {}
  /// False: nobody took it. When the relay went away it is looked for again, ten times a second at most.
  [[nodiscard]] bool send(std::string_view line);

 private:
  [[nodiscard]] bool connect();
  std::string path_;
  std::mutex mutex_;
  UniqueFd socket_;
  std::chrono::steady_clock::time_point lookAgain_{};
};

}  // namespace ostler::log
