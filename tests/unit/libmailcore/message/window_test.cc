#include "libmailcore/message/window.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "libmailcore/message/body_structure.h"
#include "libmailcore/message/charset.h"
#include "libmailcore/message/search_text.h"
#include "libmailcore/message/section.h"
#include "libmailcore/message/transfer_encoding.h"

using namespace ostler;
using namespace ostler::message;

namespace {

constexpr std::size_t kStretch = std::size_t{128} << 10;  // what a window reads at a time
constexpr std::size_t kMost = kStretch + 16;              // with what it keeps of what stands before

/// Content that is read a stretch at a time, and the longest that was asked for.
struct Disk {
  explicit Disk(std::string content) : text(std::move(content)) {}
  Window window() {
    return Window(text.size(), [this](std::uint64_t offset, std::span<char> into) -> Result<void> {
      longest = std::max(longest, into.size());
      if (offset + into.size() > failFrom) return fail(Error::Kind::temporary, "made to fail");
      std::memcpy(into.data(), text.data() + offset, into.size());
      return {};
    });
  }
  std::string text;
  std::size_t longest = 0;
  std::uint64_t failFrom = UINT64_MAX;
};

/// All that a structure says: its parts' places, and what a client is shown.
std::string told(const Structure& structure, std::string_view content) {
  std::string out;
  for (const Part& part : structure.parts) {
    for (const std::uint64_t number : {part.header.offset, part.header.length, part.body.offset, part.body.length, part.bodyLines}) out += std::to_string(number) + " ";
  }
  appendBodyStructure(out, structure, content, BodyForm::bodyStructure);
  return out;
}

std::string lines(std::size_t octets) {
  std::string out;
  while (out.size() + 64 < octets) out += "A line of text that is neither a boundary nor anything else..\r\n";
  return out + std::string(octets - out.size() - 2, 'x') + "\r\n";
}

const std::string kHead = "Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
const std::string kInner =
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: multipart/mixed; boundary=\"b--\"\r\n\r\n--b--\r\n\r\none\r\n--b----\r\n\r\n"
    "--b\r\nContent-Type: text/plain\r\n\r\ntwo\r\n--b--\r\nepilogue\r\n";

}  // namespace

TEST_CASE("the structure of a message read a stretch at a time is that of the whole, wherever the border falls") {
  for (std::size_t before = kStretch - kInner.size() - 40; before < kStretch + 40; ++before) {
    Disk disk(kHead + lines(before - kHead.size()) + kInner + lines(kStretch));
    Window window = disk.window();
    const std::string inStretches = told(parseStructure(window), disk.text);
    REQUIRE(inStretches == told(parseStructure(disk.text), disk.text));
    REQUIRE(disk.longest <= kMost);
  }
}

TEST_CASE("sections of a large message are what they are of the whole, and are decoded a stretch at a time") {
  const std::string octets(3 * kStretch, 'q');
  Disk disk(kHead + "--b\r\nX-Part: 1\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encodeBase64Lines(octets) + kInner);
  Window window = disk.window();
  const Structure structure = parseStructure(window);
  CHECK(findSection(structure, window, parseSection("2.HEADER.FIELDS (Subject)").value())->text == "Subject: inner\r\n\r\n");
  CHECK(decodedSize(structure, window, {1}).value() == octets.size());
  CHECK(decodeSection(structure, window, {1}).value() == octets);
  CHECK(disk.longest <= kMost);
}

TEST_CASE("text is found in a large message wherever it lies, whatever its encoding and charset") {
  const std::string needle = "na\xC3\xAFve needle";
  const std::string latin = "na\xEFve needle";
  for (const std::size_t before : {std::size_t{10}, kStretch - 5, kStretch, 65536 - std::size_t{7}, 3 * kStretch}) {
    const std::vector<std::string> messages = {
        "Content-Type: text/plain; charset=utf-8\r\n\r\n" + lines(before) + needle + lines(kStretch),
        "Content-Type: text/plain; charset=iso-8859-1\r\n\r\n" + lines(before) + latin + lines(kStretch),
        "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encodeBase64Lines(lines(before) + needle + lines(kStretch)),
        kHead + lines(before) + "--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nna=C3=AFve=\r\n needle\r\n--b--\r\n" + lines(kStretch),
    };
    for (const std::string& text : messages) {
      Disk disk(text);
      Window window = disk.window();
      CHECK(TextMatcher("NA\xC3\x8FVE NEEDLE", SearchScope::body).matches(window));
      CHECK_FALSE(TextMatcher("nosuchword", SearchScope::text).matches(window));
      CHECK(disk.longest <= kMost);
    }
  }
}

TEST_CASE("a line as long as the message is gone through a stretch at a time, dashes in front or not") {
  for (const char* const start : {"--b", "--", "b"}) {
    Disk disk(kHead + start + std::string(5 * kStretch, '-') + "\r\n--b\r\n\r\nend\r\n--b--\r\n");
    Window window = disk.window();
    CHECK(parseStructure(window).parts.size() == 2);
    CHECK(disk.longest <= kMost);
  }
}

TEST_CASE("octets that cannot be read end what goes through them, and the window says why") {
  Disk disk(kHead + lines(10 * kStretch) + kInner);
  disk.failFrom = 4 * kStretch;
  Window structured = disk.window();
  (void)parseStructure(structured);
  CHECK((structured.error() && structured.error()->kind == Error::Kind::temporary));
  Window searched = disk.window();
  (void)TextMatcher("nosuchword", SearchScope::text).matches(searched);
  CHECK(searched.error());
}

TEST_CASE("text of another charset is converted whatever pieces it comes in") {
  const std::string japanese = "\x1B$B$3$s$K$A$O\x1B(B and ASCII";  // ISO-2022-JP keeps a state
  const std::string whole = toUtf8(japanese, "iso-2022-jp").value();
  for (std::size_t cut = 0; cut <= japanese.size(); ++cut) {
    CharsetDecoder decoder("iso-2022-jp");
    std::string out;
    decoder.decode(std::string_view(japanese).substr(0, cut), out);
    decoder.decode(std::string_view(japanese).substr(cut), out);
    decoder.finish(out);
    REQUIRE(out == whole);
  }
  CharsetDecoder unknown("x-no-such-charset");
  std::string out;
  unknown.decode("\xFF octets", out);
  CHECK(out == "\xFF octets");
}
