#include "libmailcore/smtp/transcript.h"

#include <catch2/catch.hpp>

namespace ostler::smtp {
namespace {

TEST_CASE("a transcript says who said what, and control characters stand for themselves") {
  Transcript transcript;
  transcript.server("220 mx\x1b[2J");
  transcript.client("EHLO me\r\n");
  transcript.event("connection lost");
  CHECK(transcript.text() == "S: 220 mx\\x1b[2J\nC: EHLO me\n* connection lost\n");
}

TEST_CASE("of a long session the beginning and the end are kept") {
  Transcript transcript;
  for (int line = 0; line < 10'000; ++line) transcript.server("250-line " + std::to_string(line));
  const std::string text = transcript.text();
  CHECK(text.size() < 5000);
  CHECK(text.starts_with("S: 250-line 0\n"));
  CHECK(text.ends_with("S: 250-line 9999\n"));
  CHECK(text.find("* ...\n") != std::string::npos);
  transcript.clear();
  CHECK(transcript.text().empty());
}

}  // namespace
}  // namespace ostler::smtp
