// message.h - what every message has that processes of the suite say to each other. Each is one struct with its type number; a
// request names its reply (`using Reply = ...`), a notice (`using Reply = void`) has none. The others are beside this file, by who
// asks whom. A number is never used again and has one meaning: tests/house/rules.
#pragma once

#include <cstdint>
#include <string>

namespace ostler::ipc {

inline constexpr std::uint8_t kVersion = 1;
inline constexpr std::uint32_t kMaxFrame = 1U << 20;  ///< octets of a body; checked before anything is allocated

struct Empty {
  static constexpr std::uint16_t kType = 1;
  using Reply = void;
  template <class V>
  void fields(V&) {}
};

/// The reply to any request that failed. The ipc client turns it into the call's Error.
struct Failure {
  static constexpr std::uint16_t kType = 2;
  using Reply = void;
  std::uint8_t kind = 0;  ///< Error::Kind
  std::string detail;
  template <class V>
  void fields(V& v) {
    v(kind, detail);
  }
};

}  // namespace ostler::ipc
