// token_cache.h - what the authorization server said about bearer tokens lately. RFC 7662 4: not for long, since a token may be
// revoked any time. Tokens themselves are not kept, only their hashes. One thread.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/clock.h"
#include "libmailcore/sasl/digest.h"

namespace ostler::queued::auth {

class TokenCache {
 public:
  /// Null: not asked lately.
  [[nodiscard]] const std::string* find(std::string_view token, WallTime now) const {
    const auto found = answers_.find(keyOf(token));
    return found == answers_.end() || found->second.until <= now ? nullptr : &found->second.answer;
  }
  void keep(std::string_view token, const std::string& answer, WallTime until) {
    if (answer.size() > kLongest) return;
    if (answers_.size() >= kMost) answers_.clear();
    answers_.insert_or_assign(keyOf(token), Kept{answer, until});
  }
  void clear() { answers_.clear(); }

 private:
  static constexpr std::size_t kMost = 4096;
  static constexpr std::size_t kLongest = 4096;
  struct Kept {
    std::string answer;
    WallTime until;
  };
  static std::string keyOf(std::string_view token) { return sasl::digest(sasl::Hash::sha256, token); }
  std::unordered_map<std::string, Kept> answers_;
};

}  // namespace ostler::queued::auth
