#include "libmailcore/log/parsed_line.h"

#include <catch2/catch.hpp>

#include "libmailcore/log/format.h"

using namespace ostler;
using namespace ostler::log;

namespace {

const std::vector<Field> kSaid = {{"client", "[::1]:25"}, {"said", "a \"b\" \\ \r\nfake=1 \xC3\xA4"}, {"empty", ""}, {"octets", std::uint64_t{7}}};
const Line kTold = {fromUnixMillis(1'000), Level::warn, "queued", "spool", "refused", kSaid};

}  // namespace

TEST_CASE("a line is read back as it was said, whichever format it was written in") {
  for (const std::string& written : {formatText(kTold), formatJson(kTold)}) {
    INFO(written);
    const auto line = parseLine(written);
    REQUIRE(line);
    CHECK(line->time == "1970-01-01T00:00:01.000Z");
    CHECK(line->program == "queued/spool");
    CHECK(line->event == "refused");
    CHECK(line->fields.size() == kSaid.size());
    for (const Field& field : kSaid) CHECK(line->at(field.key) == field.value);
    CHECK(line->at("nothing").empty());
  }
}

TEST_CASE("what is no line of a log is refused") {
  for (const char* const text : {"", "2026-11-22T00:00:00.000Z info smtpd", "t info p event novalue", "t info p event a=\"open", "t info p event a=\"x\\", "t info p event a=\"\\xZZ\"",
                                 "{\"event\":7}", "{}", "{", "{\"time\":\"x\"}"}) {
    INFO(text);
    CHECK_FALSE(parseLine(text));
  }
}
