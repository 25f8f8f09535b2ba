// control.h - administration: tools → every role's control.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ostler::ipc {

/// A command of a tool: words as on the command line, e.g. {"queue", "list", "--json"}. The identity is SO_PEERCRED's.
struct ControlReply {
  static constexpr std::uint16_t kType = 151;
  using Reply = void;
  std::uint8_t exitCode = 0;  ///< sysexits(3)
  std::string output;         ///< JSON, one value a line
  std::string error;          ///< what, where, remedy; for stderr
  std::string next;           ///< not empty: there is more; ask again with ControlRequest::cursor set to this
  template <class V>
  void fields(V& v) {
    v(exitCode, output, error, next);
  }
};

struct ControlRequest {
  static constexpr std::uint16_t kType = 150;
  using Reply = ControlReply;
  std::vector<std::string> words;
  std::string cursor;
  template <class V>
  void fields(V& v) {
    v(words, cursor);
  }
};

}  // namespace ostler::ipc
