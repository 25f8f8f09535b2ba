// long_answers.h - LongAnswers: where an address leads, when that does not fit into one frame, kept until it has been fetched in pieces.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "libmailcore/base/result.h"
#include "libmailcore/ipc/directory.h"

namespace ostler::queued::auth {

/// One loop.
class LongAnswers {
 public:
  static constexpr std::size_t kPiece = 512 * 1024;  ///< octets
  static constexpr std::size_t kMost = 32;           ///< beyond it the oldest goes; who asked for it asks anew

  /// What is answered now: where the pieces of `encoded`, a Resolution, are to be had. They are for that connection alone.
  [[nodiscard]] ipc::Resolution keep(std::uint64_t connection, std::string encoded);
  /// Forgets what it gave the end of. Errors: notFound.
  [[nodiscard]] Result<ipc::ResolutionPiece> piece(std::uint64_t connection, const ipc::ResolvePiece& request);
  void forget(std::uint64_t connection);

 private:
  struct Answer {
    std::uint64_t connection = 0;
    std::string encoded;
  };
  std::map<std::uint64_t, Answer> answers_;  ///< the oldest first
  std::uint64_t last_ = 0;
};

}  // namespace ostler::queued::auth
