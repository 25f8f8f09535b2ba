// tokens.h - what a session shows to prove who logged in: 32 random octets, worth something as long as the ipc
// connection on which they were given stays open. Logins of one account on one connection share a token: the process at
// its other end holds all of them anyway, and so a daemon that runs for a year has no more tokens than accounts. One
// thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/random.h"
#include "libmailcore/ipc/directory.h"

namespace ostler::queued::auth {

class Tokens {
 public:
  [[nodiscard]] std::string give(std::uint64_t connection, ipc::Identity identity) {
    std::string& token = byConnection_[connection][identity.account.id];
    if (token.empty()) token = toHex(randomOctets(32));
    identities_.insert_or_assign(token, std::move(identity));
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
    for (const auto& [account, token] : found->second) identities_.erase(token);
    byConnection_.erase(found);
  }
  [[nodiscard]] std::size_t size() const { return identities_.size(); }

 private:
  std::unordered_map<std::string, ipc::Identity, TransparentHash, std::equal_to<>> identities_;
  std::map<std::uint64_t, std::unordered_map<Id128, std::string>> byConnection_;
};

}  // namespace ostler::queued::auth
