#include "libmailcore/smtp/dot_stuffing.h"

#include <catch2/catch.hpp>
#include <chrono>

namespace ostler::smtp {
namespace {

struct Read {
  std::string content;
  std::string rest;
  bool done = false;
  bool bare = false;
  bool operator==(const Read&) const = default;
};

Read readInSteps(std::string_view octets, std::size_t step) {
  DotUnstuffer unstuffer;
  Read read;
  while (!octets.empty() && !unstuffer.done())
    octets.remove_prefix(unstuffer.take(octets.substr(0, step), read.content));
  read.rest = octets;
  read.done = unstuffer.done();
  read.bare = unstuffer.sawBareLineEnd();
  return read;
}

TEST_CASE("dot stuffing: content ends at CRLF dot CRLF and nowhere else") {
  struct Row {
    const char* what;
    std::string octets;
    Read read;
  };
  const Row row = GENERATE(values<Row>({
      {"a line", "a\r\n.\r\n", {"a\r\n", "", true, false}},
      {"empty", ".\r\nQUIT", {"", "QUIT", true, false}},
      {"the next command stays", "a\r\n.\r\nMAIL", {"a\r\n", "MAIL", true, false}},
      {"a stuffed dot", "..a\r\n...\r\n.\r\n", {".a\r\n..\r\n", "", true, false}},
      {"a dot before a letter", ".a\r\n.\r\n", {"a\r\n", "", true, false}},
      {"bare LFs around a dot", "a\n.\nb\r\n.\r\n", {"a\n.\nb\r\n", "", true, true}},
      {"LF dot CRLF", "a\n.\r\nb\r\n.\r\n", {"a\n.\r\nb\r\n", "", true, true}},
      {"CRLF dot LF", "a\r\n.\nb\r\n.\r\n", {"a\r\n\nb\r\n", "", true, true}},
      {"CR dot CR", "a\r.\rb\r\n.\r\n", {"a\r.\rb\r\n", "", true, true}},
      {"CRLF dot CR", "a\r\n.\rb\r\n.\r\n", {"a\r\n\rb\r\n", "", true, true}},
      {"CRLF dot CR CR LF", "a\r\n.\r\r\nb\r\n.\r\n", {"a\r\n\r\r\nb\r\n", "", true, true}},
      {"CR CRLF dot CRLF", "a\r\r\n.\r\n", {"a\r\r\n", "", true, true}},
      {"LF CR dot", "a\n\r.\r\n.\r\n", {"a\n\r.\r\n", "", true, true}},
      {"NUL before the end", std::string("a\r\n\0.\r\n.\r\n", 10), {std::string("a\r\n\0.\r\n", 7), "", true, false}},
      {"not yet", "a\r\n.\r", {"a\r\n", "", false, false}},
  }));
  CAPTURE(row.what);
  for (const std::size_t step : {1U, 2U, 3U, 5U, 1000U}) {
    CAPTURE(step);
    const Read read = readInSteps(row.octets, step);
    CHECK(read.content == row.read.content);
    CHECK(read == row.read);
  }
}

std::string stuff(std::string_view content, std::size_t step) {
  DotStuffer stuffer;
  std::string out;
  for (std::size_t at = 0; at < content.size(); at += step) stuffer.add(content.substr(at, step), out);
  stuffer.finish(out);
  return out;
}

TEST_CASE("dot stuffing: what is sent can only end where it ends") {
  struct Row {
    std::string content;
    std::string sent;
  };
  const Row row = GENERATE(values<Row>({
      {"", ".\r\n"},
      {"a\r\n", "a\r\n.\r\n"},
      {"a", "a\r\n.\r\n"},
      {".\r\n..\r\n", "..\r\n...\r\n.\r\n"},
      {"a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"},
      {"a\r.\rb\r", "a\r\n..\r\nb\r\n.\r\n"},
      {"\r\r\n\n", "\r\n\r\n\r\n.\r\n"},
  }));
  CAPTURE(row.content);
  for (const std::size_t step : {1U, 2U, 1000U}) CHECK(stuff(row.content, step) == row.sent);
}

TEST_CASE("dot stuffing: what is gone through in blocks is read and sent as octet by octet, wherever something special stands") {
  std::string plain;
  while (plain.size() < 400) plain += "a line of text, some words long\r\n\r\n";
  for (const std::string special : {"\r", "\n", ".", "\r\n.", "\n.", "\r.\r\n", "\r\n.\r\nrest", "\r\n..\r\n", "\r\r\n", "\n\r\n", "\r\n.\r", "\xff"}) {
    for (std::size_t at = 0; at < 200; ++at) {
      const std::string content = std::string(plain).insert(at, special);
      CAPTURE(special, at);
      REQUIRE(readInSteps(content, content.size()) == readInSteps(content, 1));
      REQUIRE(stuff(content, content.size()) == stuff(content, 1));
    }
  }
}

TEST_CASE("dot stuffing: a megabyte of carriage returns takes linear time") {
  const std::string hostile(1U << 20, '\r');
  const auto start = std::chrono::steady_clock::now();
  std::string out;
  DotUnstuffer unstuffer;
  unstuffer.take(hostile, out);
  DotStuffer stuffer;
  stuffer.add(hostile, out);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
}

}  // namespace
}  // namespace ostler::smtp
