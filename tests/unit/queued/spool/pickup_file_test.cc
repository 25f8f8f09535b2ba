#include "queued/spool/pickup_file.h"

#include <catch2/catch.hpp>

using namespace ostler::spool;

TEST_CASE("X-Sender and X-Receiver are the envelope, and go") {
  const auto file = parsePickupFile("x-sender: <a@b.test>\nX-Receiver: c@d.test\nX-Receiver: <e@f.test>\nTo: other@g.test\nSubject: s\n\nhi\n");
  REQUIRE(file);
  CHECK(file->reversePath == "a@b.test");
  CHECK(file->forwardPaths == std::vector<std::string>{"c@d.test", "e@f.test"});
  CHECK(file->content == "To: other@g.test\r\nSubject: s\r\n\r\nhi\r\n");
}

TEST_CASE("without them the header says who, each recipient once, and Bcc goes") {
  const auto file = parsePickupFile("From: A <a@b.test>\r\nTo: c@d.test, Group: e@f.test;\r\nCc: C@D.test\r\nBcc: g@h.test\r\n\r\nx");
  REQUIRE(file);
  CHECK(file->reversePath == "a@b.test");
  CHECK(file->forwardPaths == std::vector<std::string>{"c@d.test", "e@f.test", "g@h.test"});
  CHECK(file->content.find("Bcc") == std::string::npos);
}

TEST_CASE("an empty X-Sender is the null reverse-path") {
  const auto file = parsePickupFile("X-Sender: <>\nX-Receiver: c@d.test\n\nx\n");
  REQUIRE(file);
  CHECK(file->reversePath.empty());
}

TEST_CASE("what is no message is refused in words") {
  CHECK_FALSE(parsePickupFile(""));
  CHECK_FALSE(parsePickupFile("just text\n\nmore\n"));
  CHECK_FALSE(parsePickupFile("Subject: nobody\n\nx\n"));
  CHECK_FALSE(parsePickupFile("From: a@b.test\n\nx\n"));
  CHECK_FALSE(parsePickupFile("X-Sender: a@b.test\nX-Receiver: bad address@d.test\n\nx\n"));
}
