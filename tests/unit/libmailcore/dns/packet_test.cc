#include "libmailcore/dns/packet.h"

#include <catch2/catch.hpp>

namespace ostler::dns {
namespace {

using namespace std::string_literals;

std::string u16(unsigned value) { return {static_cast<char>(value >> 8), static_cast<char>(value)}; }

const std::string kName = "\x01x\x07"s + "example" + "\0"s;
constexpr unsigned kNameAt = 12;  // of the question's name

std::string header(unsigned flags, unsigned answers, unsigned authority) {
  return u16(7) + u16(0x8180 | flags) + u16(1) + u16(answers) + u16(authority) + u16(0);
}
std::string question(Type type) { return kName + u16(static_cast<unsigned>(type)) + u16(1); }
std::string record(const std::string& owner, unsigned type, unsigned ttl, const std::string& data) {
  return owner + u16(type) + u16(1) + u16(0) + u16(ttl) + u16(static_cast<unsigned>(data.size())) + data;
}
std::string pointer(std::size_t to) { return u16(0xC000 | static_cast<unsigned>(to)); }

TEST_CASE("an answer's records are those at the end of its CNAMEs, its TTL the least of all") {
  std::string packet = header(0, 3, 0) + question(Type::a);
  packet += record(pointer(kNameAt), 5, 300, "\x01y"s + pointer(kNameAt + 2));
  packet += record("\x01Y"s + pointer(kNameAt + 2), 1, 100, "\xC0\x00\x02\x01"s);
  packet += record(pointer(kNameAt), 1, 5, "\x7F\x00\x00\x01"s);  // of another owner
  const Answer answer = parsePacket(packet, Type::a).value();
  CHECK(answer.canonicalName == "y.example");
  REQUIRE(answer.addresses.size() == 1);
  CHECK(answer.addresses[0].text() == "192.0.2.1");
  CHECK(answer.ttl == std::chrono::seconds(100));
}

TEST_CASE("a packet cut off anywhere is refused, never half read") {
  std::string packet = header(0, 2, 0) + question(Type::mx);
  packet += record(pointer(kNameAt), 15, 60, u16(10) + "\x02mx"s + pointer(kNameAt + 2));
  packet += record(pointer(kNameAt), 15, 60, u16(20) + "\0"s);
  CHECK(parsePacket(packet, Type::mx).value().mx == std::vector<Mx>{{10, "mx.example"}, {20, ""}});
  for (std::size_t length = 0; length < packet.size(); ++length) CHECK_FALSE(parsePacket(packet.substr(0, length), Type::mx));
}

TEST_CASE("names that point to themselves, forward or in a circle end") {
  for (const std::size_t target : {28U, 39U, 41U, 60U, 12345U}) {
    std::string packet = header(0, 1, 0) + question(Type::ptr);
    packet += record(pointer(kNameAt), 12, 60, "\x01z"s + pointer(target));
    CHECK_FALSE(parsePacket(packet, Type::ptr));
  }
  std::string circle = header(0, 2, 0) + question(Type::a);
  circle += record(pointer(kNameAt), 5, 60, pointer(kNameAt));
  circle += record(pointer(kNameAt), 5, 60, pointer(kNameAt));
  CHECK(parsePacket(circle, Type::a).value().status == Status::nodata);
}

TEST_CASE("octets of a label that would confuse are escaped") {
  const std::string packet = header(0, 1, 0) + question(Type::ptr) +
                             record(pointer(kNameAt), 12, 60, "\x05" "A.\n\\\xFF"s + "\0"s);
  CHECK(parsePacket(packet, Type::ptr).value().names.at(0) == "a\\046\\010\\092\\255");
}

TEST_CASE("a denial lives as long as the lesser of SOA's TTL and MINIMUM: RFC 2308 5") {
  const std::string soa = "\0\0"s + std::string(16, '\0') + u16(0) + u16(40);
  const std::string nodata = header(0, 0, 1) + question(Type::mx) + record(pointer(kNameAt), 6, 90, soa);
  CHECK(parsePacket(nodata, Type::mx).value().status == Status::nodata);
  CHECK(parsePacket(nodata, Type::mx).value().ttl == std::chrono::seconds(40));
  const std::string none = header(3, 0, 1) + question(Type::mx) + record(pointer(kNameAt), 6, 20, soa);
  CHECK(parsePacket(none, Type::mx).value().status == Status::nxdomain);
  CHECK(parsePacket(none, Type::mx).value().ttl == std::chrono::seconds(20));
  CHECK(parsePacket(header(2, 0, 0) + question(Type::mx), Type::mx).value().status == Status::tempfail);
}

TEST_CASE("records whose data is not of their type's form are refused") {
  for (const auto& [type, data] : {std::pair{Type::a, "\x01\x02\x03"s}, {Type::aaaa, std::string(15, 'x')}, {Type::mx, "\x01"s},
                                   {Type::txt, "\x05" "abc"s}, {Type::tlsa, "\x03\x01\x01"s}}) {
    const std::string packet = header(0, 1, 0) + question(type) + record(pointer(kNameAt), static_cast<unsigned>(type), 60, data);
    CHECK_FALSE(parsePacket(packet, type));
  }
  const std::string texts = header(0, 1, 0) + question(Type::txt) + record(pointer(kNameAt), 16, 60, "\x02" "ab\x01" "c\x00"s);
  CHECK(parsePacket(texts, Type::txt).value().texts == std::vector<std::string>{"abc"});
}

}  // namespace
}  // namespace ostler::dns
