#include "libmailcore/config/quantity.h"

#include <catch2/catch.hpp>

using namespace ostler;
using namespace ostler::config;

TEST_CASE("sizes have decimal and binary units and are whole numbers") {
  struct Row {
    const char* text;
    std::uint64_t octets;
  };
  for (const Row& row : {Row{"0", 0}, Row{"17", 17}, Row{"25 MiB", 25ULL << 20}, Row{"25MiB", 25ULL << 20},
                         Row{"2048 KiB", 2ULL << 20}, Row{"10 kB", 10'000}, Row{"3gb", 3'000'000'000}, Row{"1 B", 1}}) {
    CAPTURE(row.text);
    CHECK(parseByteCount(row.text).value().octets == row.octets);
  }
  for (const char* bad :
       {"", "MiB", "-1", "1.5 MiB", "1 MiBs", "1 M", "0x10", "1 1", "18446744073709551616", "99999999999 TiB"}) {
    CAPTURE(bad);
    CHECK_FALSE(parseByteCount(bad));
  }
}

TEST_CASE("durations add up units, the largest first") {
  struct Row {
    const char* text;
    long seconds;
  };
  for (const Row& row : {Row{"0", 0}, Row{"90", 90}, Row{"15m", 900}, Row{"2d", 172'800}, Row{"1h 30m", 5'400},
                         Row{"1h30m", 5'400}, Row{"1w", 604'800}, Row{"45 s", 45}}) {
    CAPTURE(row.text);
    CHECK(parseDuration(row.text).value().count() == row.seconds);
  }
  for (const char* bad : {"", "m", "-1m", "1.5h", "15 minutes", "1m 1h", "1h 1h", "5 5", "200000d", "1ms"}) {
    CAPTURE(bad);
    CHECK_FALSE(parseDuration(bad));
  }
}

TEST_CASE("a size or duration is written as one would write it") {
  CHECK(toText(35_MiB) == "35 MiB");
  CHECK(toText(ByteCount{1000}) == "1000");
  CHECK(toText(std::chrono::seconds(5'400)) == "1h 30m");
  CHECK(toText(std::chrono::seconds(0)) == "0");
}

TEST_CASE("a rate is so many in a time, and is written as it is read") {
  struct Row {
    const char* text;
    Rate rate;
    const char* again;
  };
  using std::chrono::seconds;
  for (const Row& row : {Row{"5/s", {5, seconds(1)}, "5/s"}, Row{"100/10m", {100, seconds(600)}, "100/10m"}, Row{"60 / 1m", {60, seconds(60)}, "60/m"},
                         Row{"1/1h 30m", {1, seconds(5'400)}, "1/1h 30m"}, Row{"1000/d", {1000, seconds(86'400)}, "1000/d"}, Row{"0", {}, ""}}) {
    CAPTURE(row.text);
    const auto rate = parseRate(row.text);
    REQUIRE(rate);
    CHECK(*rate == row.rate);
    CHECK(toText(*rate) == row.again);
  }
  for (const char* wrong : {"", "5", "/s", "5/", "5/0s", "5/60", "-5/s", "5/s/s", "5.5/s", "0/s", "5/month", "2000000/s", "18446744073709551615/s", "18446744073709551616/s"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parseRate(wrong));
  }
}

TEST_CASE("hours of a day are read, over midnight too, and what is none is refused") {
  const auto hours = parseHours("22:00-06:00  12:30-24:00");
  REQUIRE(hours);
  CHECK(*hours == std::vector<HourWindow>{{22 * 60, 6 * 60}, {12 * 60 + 30, 0}});
  for (const char* wrong : {"", "22-06", "25:00-06:00", "22:60-06:00", "22:00", "22:00-22:00", "24:01-06:00", "a:00-b:00"}) {
    INFO(wrong);
    CHECK_FALSE(parseHours(wrong));
  }
}
