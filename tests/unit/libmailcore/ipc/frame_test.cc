#include "libmailcore/ipc/frame.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "libmailcore/ipc/draft.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/sending.h"
#include "libmailcore/ipc/wire.h"

namespace ostler::ipc {
namespace {

std::string frame(const FrameHeader& header, const std::string& body) {
  const auto octets = encodeHeader(header);
  return std::string(octets.data(), octets.size()) + body;
}

void feed(FrameBuffer& buffer, std::string_view octets) {
  while (!octets.empty()) {
    const auto [at, size] = buffer.room();
    const std::size_t now = std::min(size, octets.size());
    std::memcpy(at, octets.data(), now);
    buffer.received(now);
    octets.remove_prefix(now);
  }
}

TEST_CASE("frame: a header comes back as it was") {
  const FrameHeader header{kReplyFlag, 0x1234, 0xfedcba98, 77, 3};
  const auto octets = encodeHeader(header);
  CHECK(decodeHeader({octets.data(), octets.size()}).value() == header);
}

TEST_CASE("frame: a header that breaks a rule is refused") {
  std::string octets = frame({0, 5, 1, 0, 0}, "");
  struct Row {
    const char* what;
    std::size_t at;
    char value;
    Error::Kind kind;
  };
  const Row row =
      GENERATE(Row{"wrong version", 0, 2, Error::Kind::syntax}, Row{"unknown flag", 1, 2, Error::Kind::syntax},
               Row{"type 0", 2, 0, Error::Kind::syntax}, Row{"too long", 11, 1, Error::Kind::limit},
               Row{"five descriptors", 12, 5, Error::Kind::syntax}, Row{"reserved", 15, 1, Error::Kind::syntax});
  CAPTURE(row.what);
  octets[row.at] = row.value;
  const auto header = decodeHeader(octets);
  REQUIRE_FALSE(header);
  CHECK(header.error().kind == row.kind);
}

TEST_CASE("frame: frames come out whole however the octets arrive") {
  const std::string big(200'000, 'x');
  const std::string stream = frame({0, 5, 1, 3, 0}, "abc") + frame({0, 6, 2, 0, 0}, "") +
                             frame({0, 7, 3, static_cast<std::uint32_t>(big.size()), 0}, big);
  const std::size_t step = GENERATE(1U, 7U, 16U, 4096U, 1000000U);
  FrameBuffer buffer;
  std::vector<std::string> bodies;
  for (std::size_t at = 0; at < stream.size(); at += step) {
    feed(buffer, std::string_view(stream).substr(at, step));
    while (true) {
      auto piece = buffer.next();
      REQUIRE(piece);
      if (!*piece) break;
      bodies.emplace_back((*piece)->body);
    }
  }
  CHECK(bodies == std::vector<std::string>{"abc", "", big});
  CHECK(buffer.buffered() == 0);
}

TEST_CASE("wire: every message of a mail's way comes back as it was") {
  OpenDraft draft;
  draft.draft = Id128::make(fromUnixMillis(1'700'000'000'000));
  draft.session.client = "192.0.2.1:4321";
  draft.envelope.reversePath = "a@example.test";
  draft.envelope.recipients.push_back({"b@example.test", "rfc822;b@example.test", Recipient::kNotifySuccess, true});
  draft.declaredSize = 1ULL << 40;
  const std::string body = encode(draft);
  const auto back = decode<OpenDraft>(body);
  REQUIRE(back);
  CHECK(encode(*back) == body);
  CHECK(back->envelope.recipients.at(0).orcpt == "rfc822;b@example.test");
  CHECK_FALSE(decode<OpenDraft>(body + "x"));
  CHECK_FALSE(decode<OpenDraft>(std::string_view(body).substr(0, body.size() - 1)));
}

TEST_CASE("wire: a count of elements that cannot be there allocates nothing") {
  CHECK_FALSE(decode<CommitReply>(std::string("\0\0\0\0\xff\xff\xff\xff", 8)));
}

TEST_CASE("next hop: the same destination has the same key, whatever the case of its name") {
  NextHop one;
  one.name = "Example.NET";
  NextHop other;
  other.name = "example.net";
  CHECK(one.key() == other.key());
  other.kind = NextHop::Kind::host;
  CHECK(one.key() != other.key());
}

}  // namespace
}  // namespace ostler::ipc
