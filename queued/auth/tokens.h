// tokens.h - what a session shows to prove who logged in: 32 random octets, worth something as long as the ipc
// connection on which they were given stays open. One thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/random.h"
#include "libmailcore/ipc/message.h"

namespace ostler::queued::auth {

class Tokens {
 public:
  [[nodiscard]] std::string give(std::uint64_t connection, ipc::Identity identity) {
    std::string token = toHex(randomOctets(32));
    byConnection_[connection].insert(token);
    identities_.emplace(token, std::move(identity));
    return token;
  }
  /// Null: not one of ours, or its connection is gone.
  [[nodiscard]] const ipc::Identity* find(std::string_view token) const {
    const auto found = identities_.find(token);
    return found == identities_.end() ? nullptr : &found->second;
  }
  void forget(std::uint64_t connection) {
    const auto found = byConnection_.find(connection);
    if (found == byConnection_.end()) return;
    for (const std::string& token : found->second) identities_.erase(token);
    byConnection_.erase(found);
  }
  [[nodiscard]] std::size_t size() const { return identities_.size(); }

 private:
  std::unordered_map<std::string, ipc::Identity, TransparentHash, std::equal_to<>> identities_;
  std::map<std::uint64_t, std::set<std::string>> byConnection_;
};

}  // namespace ostler::queued::auth
