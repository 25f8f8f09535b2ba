#include "libmailcore/message/encoded_word.h"

#include <catch2/catch.hpp>

#include "libmailcore/message/charset.h"

using namespace ostler::message;

TEST_CASE("encoded-words of the standard's examples and of the wild") {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"plain text", "plain text"},
      {"=?ISO-8859-1?Q?a?=", "a"},
      {"=?ISO-8859-1?Q?a?= b", "a b"},
      {"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"},
      {"=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=", "ab"},
      {"=?ISO-8859-1?Q?a_b?=", "a b"},
      {"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"},
      {"=?iso-8859-1?q?J=F6rg?=", "J\xC3\xB6rg"},
      {"=?utf-8*en?B?SsO2cmc=?=", "J\xC3\xB6rg"},
      {"=?utf-8?Q?=C3?= =?utf-8?Q?=B6?=", "\xC3\xB6"},
      {"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xE6\x97\xA5\xE6\x9C\xAC"},
      {"=?utf-8?Q?unfinished", "=?utf-8?Q?unfinished"},
      {"=?utf-8?X?a?=", "=?utf-8?X?a?="},
      {"=?=?=?utf-8?q?x?=", "=?=?x"},
      {"\xF6 latin", "\xC3\xB6 latin"},
      {"=?utf-8?Q?a=0D=0Ab?=", "ab"},
  };
  for (const auto& [raw, text] : cases) {
    INFO(raw);
    CHECK(decodeEncodedWords(raw) == text);
  }
}

TEST_CASE("encoded text decodes to what it was, in words of at most 75 octets") {
  for (const std::string& text :
       {std::string("caf\xC3\xA9 (x) <y@z>, \"q\""), std::string(200, 'a') + "\xE2\x82\xAC" + std::string(90, ' '), [] {
          std::string s;
          for (int i = 0; i < 100; ++i) s += "\xF0\x9F\x93\xA7";
          return s;
        }()}) {
    const std::string encoded = encodeWords(text, 20);
    CHECK(ostler::message::decodeEncodedWords(encoded) == text);
    for (std::size_t at = 0; at < encoded.size();) {
      const std::size_t end = std::min(encoded.find("\r\n ", at), encoded.size());
      CHECK(end - at <= 75);
      at = end + 3;
    }
  }
  CHECK(encodeWords("plain") == "plain");
}

TEST_CASE("text without regard to case is compared in its folded form") {
  CHECK(caseFold("HeLLo") == "hello");
  CHECK(caseFold("\xC3\x84\xC3\x96") == caseFold("\xC3\xA4\xC3\xB6"));
  CHECK(caseFold("Stra\xC3\x9F"
                 "e") == "strasse");
  CHECK(caseFold("e\xCC\x81") == caseFold("\xC3\x89"));
  CHECK(caseFold("\xFF") == "\xEF\xBF\xBD");
}

TEST_CASE("an unknown charset is told, a known one is UTF-8 afterwards") {
  CHECK_FALSE(toUtf8("x", "x-no-such-charset"));
  CHECK(toUtf8("\x80", "iso-8859-1") == "\xE2\x82\xAC");
  CHECK(toUtf8("\xC3\x28", "utf-8") == "\xEF\xBF\xBD(");
}
