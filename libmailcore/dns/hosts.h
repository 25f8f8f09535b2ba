// hosts.h - host names that are known without the DNS: those of the configuration and of /etc/hosts. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/dns/resolver.h"

namespace ostler::dns {

/// Immutable once filled. Any thread.
class Hosts {
 public:
  /// A configured name: the DNS is not asked for anything about it, so its MX is itself. REQUIRES: canonical form.
  void addConfigured(const std::string& name, const std::vector<net::IpAddress>& addresses);
  /// hosts(5): "ADDRESS NAME ALIAS... # comment". Lines that are not so are passed over. These names win for addresses alone.
  void addHostsFile(std::string_view text);

  /// What is known about a name in canonical form; nothing: ask the DNS.
  [[nodiscard]] std::optional<Answer> lookup(const std::string& name, Type type) const;

 private:
  struct Entry {
    std::vector<net::IpAddress> addresses;
    bool configured = false;
  };
  void addAddress(const std::string& name, const net::IpAddress& address);
  std::map<std::string, Entry> byName_;
  std::map<std::string, std::vector<std::string>> byPointer_;  // reverse name → host names
};

}  // namespace ostler::dns
