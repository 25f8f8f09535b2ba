#include "libmailcore/net/proxy_header.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/crc32c.h"

namespace ostler::net {
namespace {

using Parsed = Result<std::optional<ProxyHeader>>;

constexpr std::string_view kSignature2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::string_view kStart1 = "PROXY ";
constexpr std::size_t kLongest1 = 107;  // with CR LF; section 2.1
constexpr std::size_t kHead2 = 16;
constexpr unsigned char kChecksum = 0x03;  // PP2_TYPE_CRC32C; section 2.2.3

tl::unexpected<Error> bad(const char* what) { return fail(Error::Kind::syntax, std::string("PROXY header: ") + what); }

std::optional<Endpoint> endpoint1(std::string_view address, std::string_view port, bool v4) {
  const Result<IpAddress> ip = IpAddress::parse(address);
  const auto number = parseDecimal(port, 65535);
  if (!ip || !number || (address.find(':') == address.npos) != v4) return std::nullopt;
  return Endpoint{*ip, static_cast<std::uint16_t>(*number), ""};
}

// "PROXY" SP "TCP4" SP source SP destination SP source-port SP destination-port CRLF
Parsed parse1(std::string_view octets) {
  const std::size_t end = octets.substr(0, kLongest1).find("\r\n");
  if (end == octets.npos) {
    if (octets.size() >= kLongest1) return bad("line too long");
    return std::optional<ProxyHeader>();
  }
  ProxyHeader header;
  header.length = end + 2;
  const std::vector<std::string_view> words = split(octets.substr(0, end), ' ');
  if (words.size() >= 2 && words[1] == "UNKNOWN") return std::optional(header);
  if (words.size() != 6 || (words[1] != "TCP4" && words[1] != "TCP6")) return bad("bad line");
  header.client = endpoint1(words[2], words[4], words[1] == "TCP4");
  header.server = endpoint1(words[3], words[5], words[1] == "TCP4");
  if (!header.client || !header.server) return bad("bad address or port");
  return std::optional(header);
}

std::uint16_t number16(std::string_view octets) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(octets[0]) << 8 | static_cast<unsigned char>(octets[1]));
}

template <std::size_t N>
std::array<unsigned char, N> octetsOf(std::string_view from) {
  std::array<unsigned char, N> out{};
  std::copy_n(from.begin(), N, out.begin());
  return out;
}

std::optional<Endpoint> unixEndpoint(std::string_view path) {
  path = path.substr(0, path.find('\0'));
  if (!path.starts_with('/')) return std::nullopt;
  return Endpoint{{}, 0, std::string(path)};
}

// The address block of a PROXY command; section 2.2.
Result<void> addresses2(ProxyHeader& header, unsigned family, std::string_view block) {
  switch (family) {
    case 0x11:  // TCP over IPv4
      if (block.size() < 12) return bad("short IPv4 addresses");
      header.client = Endpoint{IpAddress::v4(octetsOf<4>(block)), number16(block.substr(8)), ""};
      header.server = Endpoint{IpAddress::v4(octetsOf<4>(block.substr(4))), number16(block.substr(10)), ""};
      return {};
    case 0x21:  // TCP over IPv6
      if (block.size() < 36) return bad("short IPv6 addresses");
      header.client = Endpoint{IpAddress::v6(octetsOf<16>(block)), number16(block.substr(32)), ""};
      header.server = Endpoint{IpAddress::v6(octetsOf<16>(block.substr(16))), number16(block.substr(34)), ""};
      return {};
    case 0x31:  // a Unix stream socket
      if (block.size() < 216) return bad("short Unix addresses");
      header.client = unixEndpoint(block.substr(0, 108));
      header.server = unixEndpoint(block.substr(108, 108));
      return {};
    case 0x00:  // unspecified
      return {};
    default:
      return bad("unknown address family or transport");
  }
}

std::size_t addressOctets(unsigned family) {
  return family >> 4 == 1 ? 12 : family >> 4 == 2 ? 36 : family >> 4 == 3 ? 216 : 0;
}

// What stands behind the addresses: type, length, value. A checksum is of the whole header with itself as zeros.
Result<void> extensions2(std::string_view header, std::size_t at) {
  while (at < header.size()) {
    if (header.size() - at < 3) return bad("an extension is cut off");
    const std::size_t length = number16(header.substr(at + 1));
    const std::size_t value = at + 3;
    if (header.size() - value < length) return bad("an extension is cut off");
    if (static_cast<unsigned char>(header[at]) == kChecksum) {
      if (length != 4) return bad("a checksum has four octets");
      const std::uint32_t said = std::uint32_t{number16(header.substr(value))} << 16 | number16(header.substr(value + 2));
      std::string zeroed(header);
      zeroed.replace(value, 4, 4, '\0');
      if (crc32c(zeroed) != said) return bad("wrong checksum");
    }
    at = value + length;
  }
  return {};
}

Parsed parse2(std::string_view octets) {
  if (octets.size() < kHead2) return std::optional<ProxyHeader>();
  const auto versionAndCommand = static_cast<unsigned char>(octets[12]);
  const auto family = static_cast<unsigned char>(octets[13]);
  if (versionAndCommand != 0x20 && versionAndCommand != 0x21) return bad("unknown version or command");
  ProxyHeader header;
  header.length = kHead2 + number16(octets.substr(14));
  if (header.length > kMostProxyHeader) return bad("too long");
  if (octets.size() < header.length) return std::optional<ProxyHeader>();
  header.isLocal = versionAndCommand == 0x20;  // the proxy's own health check; what it says of addresses is to be skipped
  if (header.isLocal) return std::optional(header);
  const Result<void> read = addresses2(header, family, octets.substr(kHead2, header.length - kHead2));
  if (!read) return fail(read.error());
  const Result<void> checked = extensions2(octets.substr(0, header.length), kHead2 + addressOctets(family));
  if (!checked) return fail(checked.error());
  return std::optional(header);
}

}  // namespace

Result<std::optional<ProxyHeader>> parseProxyHeader(std::string_view octets) {
  if (octets.starts_with(kSignature2)) return parse2(octets);
  if (octets.starts_with(kStart1)) return parse1(octets);
  if (kSignature2.starts_with(octets) || kStart1.starts_with(octets)) return std::optional<ProxyHeader>();
  return bad("not there");
}

}  // namespace ostler::net
