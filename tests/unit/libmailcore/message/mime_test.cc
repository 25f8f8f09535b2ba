#include "libmailcore/message/mime.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "libmailcore/message/body_structure.h"
#include "libmailcore/message/section.h"
#include "tests/unit/libmailcore/message/structure_check.h"

using namespace ostler::message;

namespace {
std::string bodyStructure(std::string_view content, BodyForm form = BodyForm::bodyStructure) {
  std::string out;
  appendBodyStructure(out, parseStructure(content), content, form);
  return out;
}
std::string sectionText(std::string_view content, std::string_view section) {
  Window octets(content);
  const auto found = findSection(parseStructure(octets), octets, parseSection(section).value());
  return found ? std::string(found->in(content)) : "NIL";
}

const std::string kMixed =
    "From: a@b\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\npreamble\r\n"
    "--outer\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n\r\n"
    "--outer\r\nContent-Type: message/rfc822\r\n\r\n"
    "From: inner@b\r\nSubject: inner\r\nContent-Type: multipart/alternative; boundary=\"outer2\"\r\n\r\n"
    "--outer2\r\n\r\nplain\r\n--outer2\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: "
    "BASE64\r\n\r\nPGI+\r\n--outer2--\r\n"
    "--outer\r\nContent-Type: image/png; name=x.png\r\nContent-Disposition: attachment; filename=\"x.png\"\r\n"
    "Content-ID: <id@x>\r\nContent-Description: A picture\r\nContent-Language: en, de\r\nContent-Location: here\r\n"
    "Content-MD5: abc=\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--outer--\r\nepilogue\r\n";
}  // namespace

TEST_CASE("a plain message is one part") {
  const std::string content = "Subject: x\r\n\r\none\r\ntwo\r\n";
  CHECK(bodyStructure(content) == R"(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 2 NIL NIL NIL NIL))");
  CHECK(sectionText(content, "1") == "one\r\ntwo\r\n");
  CHECK(sectionText(content, "TEXT") == "one\r\ntwo\r\n");
  CHECK(sectionText(content, "2") == "NIL");
  CHECK(sectionText(content, "1.1") == "NIL");
  CHECK(sectionText(content, "1.HEADER") == "NIL");
  CHECK(sectionText(content, "1.MIME") == "Subject: x\r\n\r\n");
}

TEST_CASE("parts, messages inside and their sections fit together") {
  CHECK(
      bodyStructure(kMixed) ==
      R"((("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 7 1 NIL NIL NIL NIL))"
      R"(("message" "rfc822" NIL NIL NIL "7bit" 196 (NIL "inner" ((NIL NIL "inner" "b")) ((NIL NIL "inner" "b")) )"
      R"(((NIL NIL "inner" "b")) NIL NIL NIL NIL NIL) (("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 5 1 NIL NIL NIL NIL))"
      R"(("text" "html" ("charset" "us-ascii") NIL NIL "BASE64" 4 1 NIL NIL NIL NIL) "alternative" ("boundary" "outer2") NIL NIL NIL) )"
      R"(13 NIL NIL NIL NIL))"
      R"(("image" "png" ("name" "x.png") "<id@x>" "A picture" "base64" 4 "abc=" ("attachment" ("filename" "x.png")) ("en" "de") "here") )"
      R"("mixed" ("boundary" "outer") NIL NIL NIL))");
  CHECK(sectionText(kMixed, "1") == "hello\r\n");
  CHECK(sectionText(kMixed, "1.MIME") == "Content-Type: text/plain; charset=utf-8\r\n\r\n");
  CHECK(sectionText(kMixed, "2").size() == 196);
  CHECK(sectionText(kMixed, "2.HEADER.FIELDS (subject)") == "Subject: inner\r\n\r\n");
  CHECK(sectionText(kMixed, "2.HEADER.FIELDS.NOT (Subject \"Content-Type\")") == "From: inner@b\r\n\r\n");
  CHECK(sectionText(kMixed, "2.1") == "plain");
  CHECK(sectionText(kMixed, "2.2") == "PGI+");
  CHECK(sectionText(kMixed, "3") == "AAAA");
  CHECK(sectionText(kMixed, "4") == "NIL");
  CHECK(sectionText(kMixed, "3.TEXT") == "NIL");
  Window octets(kMixed);
  CHECK(decodeSection(parseStructure(kMixed), octets, {2, 2}).value() == "<b>");
  CHECK(decodedSize(parseStructure(kMixed), octets, {2, 2}).value() == 3);
}

TEST_CASE("a multipart without its end boundary ends with the one around it, or with the message") {
  const std::string content =
      "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; "
      "boundary=b\n\n--b\n\none\n--a\n\ntwo";
  CHECK(sectionText(content, "1.1") == "one");
  CHECK(sectionText(content, "2") == "two");
}

TEST_CASE("a multipart without a boundary or without parts is read as text") {
  CHECK(bodyStructure("Content-Type: multipart/mixed\r\n\r\nx", BodyForm::body) ==
        R"(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 1))");
  CHECK(bodyStructure("Content-Type: multipart/mixed; boundary=q\r\n\r\nx", BodyForm::body) ==
        R"(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 1))");
}

TEST_CASE("parts of a digest are messages unless they say otherwise") {
  const std::string content =
      "Content-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: one\r\n\r\nx\r\n--d--\r\n";
  CHECK(sectionText(content, "1.HEADER") == "Subject: one\r\n\r\n");
  CHECK(sectionText(content, "1.1") == "x");
}

TEST_CASE("a message whose type is message/rfc822 opens as part 1") {
  const std::string content = "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ntext";
  CHECK(sectionText(content, "1") == "Subject: in\r\n\r\ntext");
  CHECK(sectionText(content, "1.HEADER") == "Subject: in\r\n\r\n");
  CHECK(sectionText(content, "1.1") == "text");
  CHECK(sectionText(content, "HEADER") == "Content-Type: message/rfc822\r\n\r\n");
}

TEST_CASE("a part with a header and nothing else is empty, not the next part") {
  const std::string content =
      "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: "
      "text/html\r\n--a\r\n\r\n--a\r\n\r\nx\r\n--a--";
  const Structure structure = parseStructure(content);
  REQUIRE(structure.parts.size() == 4);
  CHECK(structure.parts[1].type.is("text", "html"));
  CHECK(structure.parts[1].body.length == 0);
  CHECK(structure.parts[2].body.length == 0);
  CHECK(sectionText(content, "3") == "x");
}

TEST_CASE("500 levels, 5,000 parts and very long lines of dashes are read whole") {
  std::string nested;
  for (int i = 0; i < 500; ++i)
    nested +=
        "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\r\n\r\n--b" + std::to_string(i) + "\r\n";
  nested += "\r\ninnermost";
  const Structure deep = parseStructure(nested);
  CHECK(deep.parts.size() == 501);
  CHECK(octetsOf(nested, deep.parts.back().body) == "innermost");
  CHECK(bodyStructure(nested).ends_with(" NIL NIL NIL)"));

  std::string messages;
  for (int i = 0; i < 500; ++i) messages += "Content-Type: message/rfc822\r\n\r\n";
  CHECK(parseStructure(messages + "Subject: x\r\n\r\nend").parts.size() == 501);

  std::string many = "Content-Type: multipart/mixed; boundary=x\r\n\r\n";
  for (int i = 0; i < 5'000; ++i) many += "--x\r\n\r\n" + std::to_string(i) + "\r\n";
  CHECK(parseStructure(many).parts.size() == 5'001);
  CHECK(sectionText(many, "5000") == "4999\r\n");

  CHECK(parseStructure(nested + std::string(1'000'000, '-')).parts.size() == 501);
}

TEST_CASE("beyond the limits a part is a leaf") {
  std::string messages;
  for (std::uint32_t i = 0; i < kMaxDepth + 100; ++i) messages += "Content-Type: message/rfc822\n\n";
  const Structure structure = parseStructure(messages);
  CHECK(structure.parts.size() == kMaxDepth + 1);
  CHECK(structure.parts.back().type.is("application", "octet-stream"));
}

TEST_CASE("section specifications are read and what is not one is refused") {
  CHECK(parseSection("").value() == Section{});
  CHECK(parseSection("1.2.mime").value() == Section{{1, 2}, Section::Text::mime, {}});
  CHECK(parseSection("header.fields (A \"B\")").value() == Section{{}, Section::Text::headerFields, {"A", "B"}});
  for (const char* bad : {"MIME", "0", "1.", "1..2", "01x", "HEADER.FIELDS", "HEADER.FIELDS ()", "HEADER.FIELDS (A",
                          "TEXT ", "4294967296", "HEADER.FIELDS (A  B)"}) {
    INFO(bad);
    CHECK_FALSE(parseSection(bad));
  }
}

TEST_CASE("sections have the sizes of BODYSTRUCTURE in every sample from the wild") {
  std::size_t seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator("tests/data/messages")) {
    if (entry.path().extension() != ".eml") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string content((std::istreambuf_iterator<char>(file)), {});
    INFO(entry.path().string());
    CHECK(checkStructure(content).empty());
    // and of every beginning of it
    for (std::size_t length = 0; length < content.size(); length += 13)
      REQUIRE(checkStructure(content.substr(0, length)).empty());
    ++seen;
  }
  CHECK(seen >= 8);
}
