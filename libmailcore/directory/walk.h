// walk.h - Walk: one resolution under way. Inside this room only; callers take resolve.h.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

#include "libmailcore/directory/alias_target.h"
#include "libmailcore/directory/resolve.h"

namespace ostler::directory {

/// Every function returns an Error only for what ends the whole resolution.
class Walk {
 public:
  Walk(Directory& directory, const ResolveOptions& options) : directory_(directory), options_(options) {}

  Result<ipc::Resolution> from(std::string_view text);

 private:
  /// Where a target was found, so that loops are seen and bare names get their domain.
  struct Place {
    std::string domain;  ///< what a bare local part means here
    std::string tag;     ///< of the address that led here
    std::size_t depth = 0;
    bool isInclude = false;  ///< lists may not name files and programs
    bool isHere = false;     ///< named by this host's own name, or by no domain
  };

  // From an address to who has it: walk.cc.
  Result<void> address(const std::string& text, const Place& place);
  Result<void> local(const Domain& domain, const std::string& localPart, const Place& place);
  /// False: neither alias nor user.
  Result<bool> aliasOrUser(const Domain& domain, const std::string& folded, const std::string& tag, const Place& place);
  Result<bool> user(const Domain& domain, const std::string& folded, const std::string& tag);
  Result<bool> fileAlias(const Domain& domain, const std::string& folded, const std::string& tag, const Place& place);
  Result<bool> wellKnown(const Domain& domain, const std::string& folded, const Place& place);
  Result<bool> systemAccount(const std::string& folded, const Place& place);
  Result<bool> isDefault(const Domain& domain);
  void remote(const Address& address);

  // From an alias to what stands on its right side: walk_aliases.cc.
  Result<void> expand(const Alias& alias, const std::string& tag, const Place& place);
  Result<void> target(const AliasTarget& target, const Place& place);
  Result<void> include(const std::string& path, const Place& place);
  Result<void> mailbox(const AliasTarget& target, const Place& place);
  void keep(std::vector<std::string>& in, const char* what, const AliasTarget& target);
  void refuse(const AliasTarget& target, const char* why);

  Result<void> checkSize() const;
  /// Nobody has the address. That is told of what an alias names beside others.
  void leadsNowhere(const std::string& address, const Place& place) {
    step("nobody is " + address);
    if (place.depth > 0) out_.nobody.push_back(address);
  }
  void step(std::string text) {
    if (out_.steps.size() < 1000) out_.steps.push_back(std::move(text));
  }

  Directory& directory_;
  const ResolveOptions& options_;
  ipc::Resolution out_;
  std::set<std::string> path_;  ///< what is being expanded right now
  std::set<std::string> done_;  ///< what has been expanded
  std::set<Id128> accounts_;
  std::set<std::string> remotes_;
  std::size_t hits_ = 0;  ///< how often something led to a place that takes mail
  bool ours_ = false;     ///< the address asked for is in a domain of ours
  bool loop_ = false;
  bool rejected_ = false;
};

}  // namespace ostler::directory
