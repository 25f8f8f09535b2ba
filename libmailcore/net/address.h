// address.h - IP addresses, endpoints and CIDR ranges as values.
// IPv4-mapped IPv6 addresses (::ffff:192.0.2.1) are turned into IPv4 on parsing, so that one client has one name.
#pragma once

#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::net {

class IpAddress {
 public:
  IpAddress() = default;  ///< 0.0.0.0
  /// Dotted quad or RFC 4291 text, without brackets. Errors: syntax.
  [[nodiscard]] static Result<IpAddress> parse(std::string_view text);
  [[nodiscard]] static IpAddress v4(std::array<unsigned char, 4> octets);
  [[nodiscard]] static IpAddress v6(std::array<unsigned char, 16> octets);

  [[nodiscard]] bool isV4() const { return v4_; }
  [[nodiscard]] bool isLoopback() const;
  [[nodiscard]] std::string text() const;                 ///< RFC 5952
  [[nodiscard]] std::string smtpLiteral() const;          ///< "[192.0.2.1]" or "[IPv6:2001:db8::1]": RFC 5321 4.1.3
  [[nodiscard]] std::string reversePointerName() const;   ///< "1.2.0.192.in-addr.arpa." or nibbles under ip6.arpa.: RFC 3596 2.5
  /// 4 or 16 octets in network order.
  [[nodiscard]] std::string_view octets() const { return {reinterpret_cast<const char*>(octets_.data()), v4_ ? 4U : 16U}; }
  auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<unsigned char, 16> octets_{};
  bool v4_ = true;
};

/// An IP address and a port, or the path of a Unix socket.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  std::string unixPath;  ///< not empty: a Unix socket, and the rest means nothing

  /// "192.0.2.1:25", "[::1]:25", "/run/x.sock". Errors: syntax.
  [[nodiscard]] static Result<Endpoint> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] static std::optional<Endpoint> fromSockaddr(const sockaddr* address, socklen_t length);
  [[nodiscard]] socklen_t toSockaddr(sockaddr_storage& out) const;
  auto operator<=>(const Endpoint&) const = default;
};

/// "192.0.2.0/24", "2001:db8::/32", or a single address.
struct Cidr {
  IpAddress network;
  unsigned prefixLength = 32;

  /// Errors: syntax; host bits set below the prefix are refused with the network that was probably meant.
  [[nodiscard]] static Result<Cidr> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] std::string text() const;
  auto operator<=>(const Cidr&) const = default;
};

}  // namespace ostler::net
