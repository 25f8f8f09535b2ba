#include "libmailcore/net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "libmailcore/base/ascii.h"

namespace ostler::net {
namespace {

constexpr std::array<unsigned char, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291 2.5.5.2

bool isMapped(const std::array<unsigned char, 16>& octets) {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), octets.begin());
}

// The address with all but the first `bits` bits zero.
IpAddress masked(const IpAddress& address, unsigned bits) {
  std::array<unsigned char, 16> octets{};
  const std::string_view from = address.octets();
  for (std::size_t i = 0; i < from.size() && bits > 0; ++i) {
    const unsigned here = std::min(bits, 8U);
    octets[i] = static_cast<unsigned char>(static_cast<unsigned char>(from[i]) & (0xffU << (8 - here)));
    bits -= here;
  }
  if (!address.isV4()) return IpAddress::v6(octets);
  return IpAddress::v4({octets[0], octets[1], octets[2], octets[3]});
}

}  // namespace

IpAddress IpAddress::v4(std::array<unsigned char, 4> octets) {
  IpAddress out;
  std::copy(octets.begin(), octets.end(), out.octets_.begin());
  return out;
}

IpAddress IpAddress::v6(std::array<unsigned char, 16> octets) {
  if (isMapped(octets)) return v4({octets[12], octets[13], octets[14], octets[15]});
  IpAddress out;
  out.octets_ = octets;
  out.v4_ = false;
  return out;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.size() >= copy.size() || text.find('\0') != text.npos) return fail(Error::Kind::syntax, "not an IP address");
  std::copy(text.begin(), text.end(), copy.begin());
  std::array<unsigned char, 4> four{};
  if (inet_pton(AF_INET, copy.data(), four.data()) == 1) return v4(four);
  std::array<unsigned char, 16> sixteen{};
  if (inet_pton(AF_INET6, copy.data(), sixteen.data()) == 1) return v6(sixteen);
  return fail(Error::Kind::syntax, "not an IP address: " + printable(text));
}

bool IpAddress::isLoopback() const {
  if (v4_) return octets_[0] == 127;
  return octets_[15] == 1 && std::all_of(octets_.begin(), octets_.end() - 1, [](unsigned char o) { return o == 0; });
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> out{};
  inet_ntop(v4_ ? AF_INET : AF_INET6, octets_.data(), out.data(), out.size());
  return out.data();
}

std::string IpAddress::smtpLiteral() const { return (v4_ ? "[" : "[IPv6:") + text() + "]"; }

std::string IpAddress::reversePointerName() const {
  std::string out;
  const std::string_view all = octets();
  for (auto octet = all.rbegin(); octet != all.rend(); ++octet) {
    const unsigned value = static_cast<unsigned char>(*octet);
    if (v4_) {
      out += std::to_string(value) + ".";
    } else {
      constexpr std::string_view kDigits = "0123456789abcdef";
      out += {kDigits[value & 15], '.', kDigits[value >> 4], '.'};
    }
  }
  return out + (v4_ ? "in-addr.arpa." : "ip6.arpa.");
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const auto bad = [&] { return fail(Error::Kind::syntax, "not ADDRESS:PORT, [ADDRESS]:PORT or /PATH: " + printable(text)); };
  Endpoint out;
  if (text.starts_with('/')) {
    if (text.size() >= sizeof(sockaddr_un::sun_path)) {
      return fail(Error::Kind::limit, "socket path longer than 107 octets: " + printable(text));
    }
    out.unixPath = text;
    return out;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return bad();
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto port = parseDecimal(text.substr(colon + 1), 65535);
  const Result<IpAddress> address = IpAddress::parse(host);
  if (!port || !address || bracketed != (host.find(':') != host.npos)) return bad();
  out.address = *address;
  out.port = static_cast<std::uint16_t>(*port);
  return out;
}

std::string Endpoint::text() const {
  if (!unixPath.empty()) return unixPath;
  return (address.isV4() ? address.text() : "[" + address.text() + "]") + ":" + std::to_string(port);
}

std::optional<Endpoint> Endpoint::fromSockaddr(const sockaddr* address, socklen_t length) {
  Endpoint out;
  if (address->sa_family == AF_INET && length >= sizeof(sockaddr_in)) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    out.address = IpAddress::v4(std::bit_cast<std::array<unsigned char, 4>>(in.sin_addr.s_addr));
    out.port = ntohs(in.sin_port);
    return out;
  }
  if (address->sa_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    sockaddr_in6 in{};
    std::memcpy(&in, address, sizeof in);
    std::array<unsigned char, 16> octets{};
    std::memcpy(octets.data(), &in.sin6_addr, octets.size());
    out.address = IpAddress::v6(octets);
    out.port = ntohs(in.sin6_port);
    return out;
  }
  if (address->sa_family == AF_UNIX) {
    sockaddr_un in{};
    std::memcpy(&in, address, std::min<std::size_t>(length, sizeof in));
    const std::size_t used = length - std::min<std::size_t>(length, offsetof(sockaddr_un, sun_path));
    out.unixPath.assign(in.sun_path, strnlen(in.sun_path, std::min(used, sizeof in.sun_path)));
    if (out.unixPath.empty()) out.unixPath = "@";  // unnamed, as a connecting client is
    return out;
  }
  return std::nullopt;
}

socklen_t Endpoint::toSockaddr(sockaddr_storage& out) const {
  out = {};
  if (!unixPath.empty()) {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    if (unixPath.size() >= sizeof un.sun_path) return 0;
    std::memcpy(un.sun_path, unixPath.data(), unixPath.size());
    std::memcpy(&out, &un, sizeof un);
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + unixPath.size() + 1);
  }
  if (address.isV4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&in.sin_addr, address.octets().data(), 4);
    std::memcpy(&out, &in, sizeof in);
    return sizeof in;
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port);
  std::memcpy(&in.sin6_addr, address.octets().data(), 16);
  std::memcpy(&out, &in, sizeof in);
  return sizeof in;
}

Result<Cidr> Cidr::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view addressText = text.substr(0, slash);
  const Result<IpAddress> address = IpAddress::parse(addressText);
  if (!address) return fail(address.error());
  const bool writtenAsV6 = addressText.find(':') != addressText.npos;
  const unsigned bits = address->isV4() ? 32 : 128;
  if (slash == text.npos) return Cidr{*address, bits};
  auto prefix = parseDecimal(text.substr(slash + 1), writtenAsV6 ? 128 : 32);
  if (prefix && writtenAsV6 && address->isV4()) {
    prefix = *prefix >= 96 ? std::optional(*prefix - 96) : std::nullopt;  // ::ffff:192.0.2.0/120 is 192.0.2.0/24
  }
  if (!prefix) return fail(Error::Kind::syntax, "bad prefix length: " + printable(text));
  const Cidr out{masked(*address, static_cast<unsigned>(*prefix)), static_cast<unsigned>(*prefix)};
  if (out.network != *address) {
    return fail(Error::Kind::syntax, printable(text) + " has host bits set: did you mean " + out.text() + "?");
  }
  return out;
}

bool Cidr::contains(const IpAddress& address) const {
  return address.isV4() == network.isV4() && masked(address, prefixLength) == network;
}

std::string Cidr::text() const { return network.text() + "/" + std::to_string(prefixLength); }

}  // namespace ostler::net
