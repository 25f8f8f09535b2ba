#include "libmailcore/dns/hosts.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/dns/name.h"

namespace ostler::dns {

void Hosts::addAddress(const std::string& name, const net::IpAddress& address) {
  auto& addresses = byName_[name].addresses;
  if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) addresses.push_back(address);
  std::string pointer = address.reversePointerName();
  pointer.pop_back();  // its dot at the end
  auto& names = byPointer_[pointer];
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

void Hosts::addConfigured(const std::string& name, const std::vector<net::IpAddress>& addresses) {
  byName_[name] = Entry{{}, true};
  for (const net::IpAddress& address : addresses) addAddress(name, address);
}

void Hosts::addHostsFile(std::string_view text) {
  for (std::string_view line : split(text, '\n')) {
    std::string plain(line.substr(0, line.find('#')));
    std::replace(plain.begin(), plain.end(), '\t', ' ');
    std::optional<net::IpAddress> address;
    for (const std::string_view word : split(trim(plain), ' ')) {
      if (word.empty()) continue;
      if (!address) {
        const Result<net::IpAddress> parsed = net::IpAddress::parse(word);
        if (!parsed) break;
        address = *parsed;
      } else if (const Result<std::string> name = canonicalForm(word)) {
        const auto known = byName_.find(*name);
        if (known == byName_.end() || !known->second.configured) addAddress(*name, *address);
      }
    }
  }
}

std::optional<Answer> Hosts::lookup(const std::string& name, Type type) const {
  Answer answer;
  answer.canonicalName = name;
  answer.ttl = std::chrono::seconds(60);
  if (type == Type::ptr) {
    const auto pointer = byPointer_.find(name);
    if (pointer == byPointer_.end()) return std::nullopt;
    answer.status = Status::insecure;
    answer.names = pointer->second;
    return answer;
  }
  const auto host = byName_.find(name);
  if (host == byName_.end()) return std::nullopt;
  const bool forAddresses = type == Type::a || type == Type::aaaa;
  if (!forAddresses && !host->second.configured) return std::nullopt;
  for (const net::IpAddress& address : host->second.addresses) {
    if (forAddresses && address.isV4() == (type == Type::a)) answer.addresses.push_back(address);
  }
  answer.status = answer.addresses.empty() ? Status::nodata : Status::insecure;
  return answer;
}

}  // namespace ostler::dns
