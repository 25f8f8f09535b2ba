// introspection.h - bearer tokens: auth → out, which alone speaks with the authorization server. RFC 7662.
#pragma once

#include <cstdint>
#include <string>

namespace ostler::ipc {

/// What the authorization server says, as it says it: at most 64 KiB, and not looked at yet.
struct Introspected {
  static constexpr std::uint16_t kType = 161;
  using Reply = void;
  std::string answer;
  template <class V>
  void fields(V& v) {
    v(answer);
  }
};

/// Whose is it? RFC 7662. Fails with temporary when there is no answer.
struct Introspect {
  static constexpr std::uint16_t kType = 160;
  using Reply = Introspected;
  std::string token;
  template <class V>
  void fields(V& v) {
    v(token);
  }
};

}  // namespace ostler::ipc
