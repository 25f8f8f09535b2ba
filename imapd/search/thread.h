// thread.h - which message answers which: the two algorithms of THREAD, and the answer's text. Pure.
// Is not: where the messages come from; see commands/thread.cc. RFC 5256 3 (THREAD), 4 (response).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ostler::imap {

struct ThreadMessage {
  std::uint32_t name = 0;  ///< its number or UID, as the answer shows it; ascending
  std::int64_t sentMillis = 0;
  std::string baseSubject;
  bool isReplyOrForward = false;
  std::string messageId;
  std::vector<std::string> references;  ///< oldest first
};

/// Thread lists, like `(2)(3 6 (4 23)(44 7 96))`; empty when there is no message.
[[nodiscard]] std::string threadBySubject(const std::vector<ThreadMessage>& messages);
[[nodiscard]] std::string threadByReferences(const std::vector<ThreadMessage>& messages);

}  // namespace ostler::imap
