#include "libmailcore/message/search_text.h"

#include <catch2/catch.hpp>

using namespace ostler::message;

namespace {
bool inText(std::string_view content, std::string_view needle) {
  Window octets(content);
  return TextMatcher(needle, SearchScope::text).matches(octets);
}
bool inBody(std::string_view content, std::string_view needle) {
  Window octets(content);
  return TextMatcher(needle, SearchScope::body).matches(octets);
}
}  // namespace

TEST_CASE("a needle is found at every place and in either case, and nowhere else") {
  for (const std::string_view needle : {"q", "Needle", "ab c-d", "0123456789012345678901234567890123456789"}) {
    const CaseFinder finder(needle);
    for (std::size_t size = needle.size(); size < 200; size += 7) {
      std::string text(size, '.');
      CHECK_FALSE(finder.foundIn(text));
      for (std::size_t at = 0; at + needle.size() <= size; ++at) {
        std::string with = text;
        for (std::size_t i = 0; i < needle.size(); ++i)
          with[at + i] = static_cast<char>(i % 2 ? std::toupper(needle[i]) : std::tolower(needle[i]));
        REQUIRE(finder.foundIn(with));
        with[at + needle.size() - 1] = '~';
        REQUIRE_FALSE(finder.foundIn(with));
      }
    }
  }
  CHECK(CaseFinder("").foundIn(""));
}

TEST_CASE("text is searched decoded, whatever its encoding and charset") {
  CHECK(inText("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n", "GR\xC3\x9CSSE"));
  CHECK(inText("Subject: two\r\n words\r\n\r\n", "two words"));
  CHECK_FALSE(inBody("Subject: hello\r\n\r\nworld", "hello"));
  CHECK(inBody("Subject: hello\r\n\r\nworld", "WORLD"));
  CHECK(inBody("Content-Transfer-Encoding: base64\r\n\r\naGVsbG8gd29y\r\nbGQ=\r\n", "hello world"));
  CHECK(inBody("Content-Transfer-Encoding: quoted-printable\r\n\r\nhel=\r\nlo=20world", "hello world"));
  CHECK(inBody("Content-Type: text/plain; charset=iso-8859-1\r\n\r\ncaf\xE9", "CAF\xC3\x89"));
  CHECK(
      inBody("Content-Type: text/plain; charset=utf-16le\r\nContent-Transfer-Encoding: base64\r\n\r\naABpAA==", "hi"));
  CHECK_FALSE(inBody("Content-Type: image/png\r\n\r\nhello", "hello"));
}

TEST_CASE("a match across the border of decoded pieces is found") {
  for (std::size_t before = 65'530; before < 65'545; ++before) {
    const std::string body = std::string(before, 'x') + "needle" + std::string(100, 'y');
    CHECK(inBody("Content-Transfer-Encoding: quoted-printable\r\n\r\n" + body, "needle"));
    CHECK(inBody("\r\n" + std::string(before, 'x') +
                     "n\xC3\xA4"
                     "del",
                 "N\xC3\x84"
                 "DEL"));
  }
}

TEST_CASE("headers of parts are text, headers of messages inside are body too") {
  const std::string content =
      "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: image/png; name=holiday.png\r\n\r\nx\r\n"
      "--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: inside\r\n\r\ntext\r\n--a--\r\n";
  CHECK(inText(content, "holiday"));
  CHECK_FALSE(inBody(content, "holiday"));
  CHECK(inBody(content, "inside"));
}

TEST_CASE("a header field is asked by name") {
  const std::string content = "X-Spam: yes\r\nSubject: =?utf-8?q?f=C3=B6?=\r\n\r\n";
  CHECK(headerMatches(content, "x-spam", CaseFinder("")));
  CHECK(headerMatches(content, "subject", CaseFinder("F\xC3\x96")));
  CHECK_FALSE(headerMatches(content, "x-ham", CaseFinder("")));
  CHECK_FALSE(headerMatches(content, "x-spam", CaseFinder("no")));
}
