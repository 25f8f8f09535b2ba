// schema.h - what may stand in a configuration file: per record a table of rows that bind a key to a member of a
// struct. Is not: the values (config.h), the YAML (yaml.h), nor contradictions between values (validate.cc).
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "libmailcore/config/config.h"

namespace ostler::config {

/// One of several words.
struct Choice {
  std::vector<std::string_view> words;
  std::function<void(std::size_t)> set;
  std::size_t current = 0;
};
template <class E>
Choice choice(E& member, std::vector<std::string_view> words) {
  return {std::move(words), [&member](std::size_t at) { member = static_cast<E>(at); },
          static_cast<std::size_t>(member)};
}
/// Words of which each must be one of a set.
struct Words {
  std::vector<std::string>* list;
  std::vector<std::string_view> allowed;
};
struct Octets {
  std::uint64_t* count;
};
/// A file or folder; below the configuration's own folder unless it starts with "/".
struct Path {
  std::string* text;
};
/// smtp: the settings of every virtual server, and the virtual servers.
struct SmtpSection {
  std::vector<VirtualServer>* servers;
};

/// Where a row's value goes; its alternative is the row's type.
using Slot =
    std::variant<bool*, std::uint64_t*, unsigned*, std::uint16_t*, std::optional<unsigned>*, ByteCount*, Octets,
                 seconds*, Rate*, std::string*, Path, Choice, Words, net::Endpoint*, std::optional<net::IpAddress>*,
                 std::vector<std::string>*, std::vector<net::Cidr>*, ClientList*, std::vector<net::Endpoint>*,
                 std::map<std::string, std::string>*, std::map<std::string, std::vector<net::Endpoint>>*,
                 std::map<std::string, std::vector<net::IpAddress>>*,
                 // records of their own table
                 SmtpSection, MailboxService*, RetrySchedule*, std::optional<RetrySchedule>*, std::vector<Listener>*,
                 std::vector<RouteRule>*, std::vector<net::CertificateFiles>*, std::vector<LogRule>*>;

struct Range {
  std::uint64_t least = 0;
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};

template <class Record>
struct Row {
  std::string_view key;  ///< with dots for sections: "limits.message_size"
  Slot (*slot)(Record&);
  std::string_view standard;  ///< as written in YAML; "" for nothing. A test compares it with the struct.
  std::string_view meaning;
  Range range{};
};

/// The table of a record. Defined for Config, VirtualServer, MailboxService, Listener, RouteRule, RetrySchedule,
/// CertificateFiles, LogRule.
template <class Record>
[[nodiscard]] std::span<const Row<Record>> rows();

/// The type of a slot, in the administrator's words.
[[nodiscard]] std::string typeName(const Slot& slot, const Range& range);
/// The value in a slot as one would write it; "" for nothing and for records.
[[nodiscard]] std::string valueText(const Slot& slot);

}  // namespace ostler::config
