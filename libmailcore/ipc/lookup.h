// lookup.h - what only the DNS knows: spool → out.
#pragma once

#include <cstdint>
#include <string>

namespace ostler::ipc {

struct LookedUp {
  static constexpr std::uint16_t kType = 143;
  using Reply = void;
  enum class State : std::uint8_t { yes, no, nullMx, later };
  State state = State::later;
  std::string name;  ///< clientName, yes: the forward-confirmed name
  template <class V>
  void fields(V& v) {
    v(state, name);
  }
};

struct LookUp {
  static constexpr std::uint16_t kType = 142;
  using Reply = LookedUp;
  enum class What : std::uint8_t {
    clientName,  ///< `text` is an address: has it a name that leads back to it?
    mailDomain,  ///< `text` is a domain: can mail be sent to it (RFC 5321 5.1), or does it refuse (null MX)?
    hostName,    ///< `text` is a host name: has it an address, or an MX?
  };
  What what = What::clientName;
  std::string text;
  template <class V>
  void fields(V& v) {
    v(what, text);
  }
};

}  // namespace ostler::ipc
