// program.h - a program behind an alias: spool → programs.
#pragma once

#include <cstdint>
#include <string>

#include "libmailcore/ipc/envelope.h"

namespace ostler::ipc {

struct ProgramOutcome {
  static constexpr std::uint16_t kType = 171;
  using Reply = void;
  SmtpReply reply;  ///< what its end means
  template <class V>
  void fields(V& v) {
    v(reply);
  }
};

/// Comes with one read-only descriptor: the content is [offset, offset + length) of it.
struct RunProgram {
  static constexpr std::uint16_t kType = 170;
  using Reply = ProgramOutcome;
  std::string queueId;
  std::string command;      ///< for a shell, without the alias's "|"
  std::string alias;        ///< local part of the alias that leads to it
  std::string reversePath;
  std::string forwardPath;  ///< of the alias
  std::string head;         ///< octets before the content
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  template <class V>
  void fields(V& v) {
    v(queueId, command, alias, reversePath, forwardPath, head, offset, length);
  }
};

}  // namespace ostler::ipc
