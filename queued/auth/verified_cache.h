// verified_cache.h - passwords that were verified lately, so that the next login with the same one needs no slow hash.
// Never the password: a keyed hash of it, with a key that this process made and that dies with it. Wrong passwords are
// not kept.
#pragma once

#include <chrono>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "libmailcore/base/clock.h"
#include "libmailcore/base/ids.h"

namespace ostler::queued::auth {

/// One thread.
class VerifiedCache {
 public:
  explicit VerifiedCache(std::size_t mostAccounts = 1'000'000);

  /// Was this the account's password within `lifetime`, and is the verifier the one it was checked with then?
  [[nodiscard]] bool holds(Id128 account, std::string_view verifier, std::string_view password,
                           std::chrono::seconds lifetime, WallTime now) const;
  /// REQUIRES: the password has just been checked with this verifier, and was right.
  void remember(Id128 account, std::string_view verifier, std::string_view password, WallTime now);
  [[nodiscard]] std::size_t size() const { return byId_.size(); }

 private:
  struct Entry {
    Id128 account;
    std::string keyedHash;
    WallTime verified;
  };
  [[nodiscard]] std::string keyedHash(Id128 account, std::string_view verifier, std::string_view password) const;

  std::size_t mostAccounts_;
  std::string key_;
  std::list<Entry> entries_;  // the one verified last is at the end
  std::unordered_map<Id128, std::list<Entry>::iterator> byId_;
};

}  // namespace ostler::queued::auth
