// shut_out.h - who may not stay logged in: pop3d, imapd → auth. What smtpd's sessions may do the spool asks at each step; these would
// go on for as long as their clients like.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "libmailcore/base/ids.h"
#include "libmailcore/ipc/login.h"

namespace ostler::ipc {

struct DirectoryVersion {
  static constexpr std::uint16_t kType = 105;
  using Reply = void;
  std::uint64_t version = 0;  ///< never 0; goes on with every change, over restarts too
  template <class V>
  void fields(V& v) {
    v(version);
  }
};

/// Answered once the directory is another than at `version`, and after kAnswerWithin anyway. 0: at once.
struct AwaitDirectory {
  static constexpr std::uint16_t kType = 104;
  using Reply = DirectoryVersion;
  static constexpr std::chrono::hours kAnswerWithin{1};
  std::uint64_t version = 0;
  template <class V>
  void fields(V& v) {
    v(version);
  }
};

/// Those that were disabled, or removed, since they logged in.
struct ShutOut {
  static constexpr std::uint16_t kType = 107;
  using Reply = void;
  std::vector<Id128> accounts;
  template <class V>
  void fields(V& v) {
    v(accounts);
  }
};

struct WhoIsShutOut {
  static constexpr std::uint16_t kType = 106;
  using Reply = ShutOut;
  static constexpr std::size_t kMost = 500;
  std::vector<Account> accounts;  ///< kMost of them at most
  template <class V>
  void fields(V& v) {
    v(accounts);
  }
};

}  // namespace ostler::ipc
