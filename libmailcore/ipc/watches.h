// watches.h - whose sessions are read along: smtpd → spool, which keeps the list.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libmailcore/base/clock.h"

namespace ostler::ipc {

/// Whose sessions an administrator wants to read along.
struct Watch {
  std::string client;  ///< an address or a network; empty: any
  std::string user;    ///< an account's address; empty: any
  WallTime until{};
  template <class V>
  void fields(V& v) {
    v(client, user, until);
  }
};

struct Watches {
  static constexpr std::uint16_t kType = 137;
  using Reply = void;
  std::uint64_t version = 0;
  std::vector<Watch> list;
  template <class V>
  void fields(V& v) {
    v(version, list);
  }
};

/// Answered once there is another list than that of `version`. 0: at once.
struct AwaitWatches {
  static constexpr std::uint16_t kType = 136;
  using Reply = Watches;
  std::uint64_t version = 0;
  template <class V>
  void fields(V& v) {
    v(version);
  }
};

}  // namespace ostler::ipc
