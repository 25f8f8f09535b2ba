#include "libmailcore/smtp/reply.h"

#include <catch2/catch.hpp>

#include "libmailcore/smtp/enhanced_status.h"

namespace ostler::smtp {
namespace {

TEST_CASE("reply: written with its codes on each line") {
  CHECK(format({250, "2.1.0", "OK"}) == "250 2.1.0 OK\r\n");
  CHECK(format({250, "", "one\ntwo"}) == "250-one\r\n250 two\r\n");
  CHECK(format({550, "5.1.1", "one\ntwo"}) == "550-5.1.1 one\r\n550 5.1.1 two\r\n");
  CHECK(format({334, "", ""}) == "334 \r\n");
  CHECK(format({221, "2.0.0", ""}) == "221 2.0.0\r\n");
}

TEST_CASE("reply: a text cannot begin another reply") {
  CHECK(format({550, "5.1.1", "a\r250 b"}) == "550 5.1.1 a?250 b\r\n");
  CHECK(format({550, "", std::string(2000, 'x')}).size() == 512);
}

TEST_CASE("reply: a client reads what a server wrote") {
  ReplyReader reader;
  CHECK_FALSE(reader.add("250-2.1.5 one").value());
  CHECK(reader.add("250 2.1.5 two").value());
  CHECK(reader.take() == Reply{250, "2.1.5", "one\ntwo"});
  CHECK(reader.add("354").value());
  CHECK(reader.take() == Reply{354, "", ""});
  CHECK(reader.add("550 5.1.1").value());
  CHECK(reader.take() == Reply{550, "5.1.1", ""});
  CHECK(reader.add("550 2.1.1 odd").value());
  CHECK(reader.take() == Reply{550, "", "2.1.1 odd"});
}

TEST_CASE("reply: what is not a reply is refused") {
  const std::string line = GENERATE("", "25", "abc", "199 x", "600 x", "250x", "-50 a");
  CAPTURE(line);
  ReplyReader reader;
  CHECK_FALSE(reader.add(line));
}

TEST_CASE("reply: lines of one reply have one code, and there is an end to them") {
  ReplyReader reader;
  REQUIRE(reader.add("250-a"));
  CHECK_FALSE(reader.add("550 a"));
  ReplyReader endless;
  Result<bool> last = false;
  for (int n = 0; n < 1000 && last; ++n) last = endless.add("250-a");
  CHECK(last.error().kind == Error::Kind::limit);
}

TEST_CASE("enhanced status: read, written, explained") {
  CHECK(EnhancedStatus::parse("5.1.1") == EnhancedStatus{5, 1, 1});
  CHECK(EnhancedStatus::parse("4.7.999")->text() == "4.7.999");
  CHECK(EnhancedStatus{5, 1, 1}.meaning() == "Bad destination mailbox address");
  CHECK(EnhancedStatus{5, 1, 99}.meaning().empty());
  const std::string bad = GENERATE("", "5", "5.1", "3.1.1", "5.01.1", "5.1.1000", "5.1.1.1", "5..1", "a.b.c", "-5.1.1");
  CAPTURE(bad);
  CHECK_FALSE(EnhancedStatus::parse(bad));
}

}  // namespace
}  // namespace ostler::smtp
