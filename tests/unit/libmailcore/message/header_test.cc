#include "libmailcore/message/header.h"

#include <catch2/catch.hpp>

using namespace ostler::message;

TEST_CASE("a header ends with its empty line, whose octets belong to it") {
  const std::string content = "From: a@b\r\nSubject: x\r\n\r\nbody\r\n";
  const HeaderView header(content);
  CHECK(header.length() == content.find("body"));
  CHECK(header.fieldsLength() == header.length() - 2);
}

TEST_CASE("fields carry their octet offsets, folds included") {
  const std::string content = "A: 1\r\nSubject: one\r\n\ttwo\r\n three\r\nB:\r\n\r\n";
  const std::optional<HeaderField> subject = HeaderView(content).find("subject");
  REQUIRE(subject);
  CHECK(subject->offset == 6);
  CHECK(content.substr(subject->offset, subject->length) == "Subject: one\r\n\ttwo\r\n three\r\n");
  CHECK(unfold(subject->value) == "one\ttwo three");
  CHECK(HeaderView(content).find("B")->value.empty());
}

TEST_CASE("bare LF, junk lines and an mbox line do not hide the fields") {
  const std::string content =
      "From alice@example.test Sat Nov 21 22:09:00 2026\nno colon here\n continued\nSubject : hi\nTo: b\n\nbody";
  const HeaderView header(content);
  CHECK(header.unfolded("Subject") == "hi");
  CHECK(header.unfolded("To") == "b");
  CHECK_FALSE(header.find("From"));
  CHECK(content.substr(header.length()) == "body");
}

TEST_CASE("a header without an empty line is all there is") {
  CHECK(HeaderView("Subject: x").length() == 10);
  CHECK(HeaderView("Subject: x").unfolded("Subject") == "x");
  CHECK(HeaderView("").length() == 0);
  CHECK(HeaderView("\r\nbody").length() == 2);
  CHECK(HeaderView("\nbody").fieldsLength() == 0);
}

TEST_CASE("findAll gives every field of a name in order") {
  const std::string content = "Received: 1\r\nX: y\r\nreceived: 2\r\n\r\n";
  const std::vector<HeaderField> all = HeaderView(content).findAll("Received");
  REQUIRE(all.size() == 2);
  CHECK(unfold(all[1].value) == "2");
}

TEST_CASE("a value of 200 kB with NULs unfolds into one line") {
  std::string raw(1, '\0');
  for (int i = 0; i < 20'000; ++i) raw += "word\r\n    ";
  const std::string line = unfold(raw);
  CHECK(line.find_first_of(std::string("\r\n\0", 3)) == std::string::npos);
  CHECK(line.starts_with("word    word"));
}
