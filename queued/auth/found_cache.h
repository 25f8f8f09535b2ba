// found_cache.h - who was found by a login name lately, and how the directory was then: until it changes nobody needs to look again.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "libmailcore/base/ascii.h"
#include "queued/auth/login_name.h"

namespace ostler::queued::auth {

/// One thread.
class FoundCache {
 public:
  static constexpr std::size_t kMost = 50'000;  ///< then all are forgotten: names are a stranger's to choose

  /// Null: not looked for, or the directory has changed.
  [[nodiscard]] const Candidate* find(std::string_view key, std::uint64_t directoryVersion) const {
    const auto found = found_.find(key);
    return found == found_.end() || found->second.directoryVersion != directoryVersion ? nullptr : &found->second.candidate;
  }
  void keep(const std::string& key, std::uint64_t directoryVersion, Candidate candidate) {
    if (found_.size() >= kMost) found_.clear();
    found_.insert_or_assign(key, Found{directoryVersion, std::move(candidate)});
  }
  [[nodiscard]] std::size_t size() const { return found_.size(); }

 private:
  struct Found {
    std::uint64_t directoryVersion = 0;
    Candidate candidate;
  };
  std::unordered_map<std::string, Found, TransparentHash, std::equal_to<>> found_;
};

}  // namespace ostler::queued::auth
