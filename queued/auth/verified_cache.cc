#include "queued/auth/verified_cache.h"

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/random.h"
#include "libmailcore/sasl/digest.h"

namespace ostler::queued::auth {

VerifiedCache::VerifiedCache(std::size_t mostAccounts) : mostAccounts_(mostAccounts), key_(randomOctets(32)) {}

std::string VerifiedCache::keyedHash(Id128 account, std::string_view verifier, std::string_view password) const {
  std::string text(account.octets());
  text.append(std::to_string(verifier.size())).append(":").append(verifier).append(password);
  std::string hash = sasl::hmac(sasl::Hash::sha256, key_, text);
  sasl::wipe(text);
  return hash;
}

bool VerifiedCache::holds(Id128 account, std::string_view verifier, std::string_view password,
                          std::chrono::seconds lifetime, WallTime now) const {
  const auto found = byId_.find(account);
  if (found == byId_.end() || now - found->second->verified >= lifetime) return false;
  return equalsConstantTime(keyedHash(account, verifier, password), found->second->keyedHash);
}

void VerifiedCache::remember(Id128 account, std::string_view verifier, std::string_view password, WallTime now) {
  const auto found = byId_.find(account);
  if (found != byId_.end()) {
    entries_.erase(found->second);
    byId_.erase(found);
  } else if (byId_.size() >= mostAccounts_) {
    byId_.erase(entries_.front().account);
    entries_.pop_front();
  }
  entries_.push_back({account, keyedHash(account, verifier, password), now});
  byId_.emplace(account, std::prev(entries_.end()));
}

}  // namespace ostler::queued::auth
