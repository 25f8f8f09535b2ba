#include "libmailcore/message/date_time.h"

#include <catch2/catch.hpp>

using namespace ostler;
using namespace ostler::message;

namespace {
std::string utc(std::string_view raw) {
  const std::optional<DateTime> parsed = parseDateTime(raw);
  return parsed ? formatDateTime(parsed->time) : "nothing";
}
}  // namespace

TEST_CASE("dates in the forms of the standard and of the wild") {
  CHECK(utc("Fri, 21 Nov 1997 09:55:06 -0600") == "Fri, 21 Nov 1997 15:55:06 +0000");
  CHECK(utc("21 Nov 97 09:55:06 GMT") == "Fri, 21 Nov 1997 09:55:06 +0000");
  CHECK(utc("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600") == "Fri, 21 Nov 1997 15:55:06 +0000");
  CHECK(utc("Thu, 13 Feb 1969 23:32 EST") == "Fri, 14 Feb 1969 04:32:00 +0000");
  CHECK(utc("1 Jan 00 00:00 Z") == "Sat, 01 Jan 2000 00:00:00 +0000");
  CHECK(utc("Tue,  1 Jul 2003 10:52:37 +0200 (CEST)") == "Tue, 01 Jul 2003 08:52:37 +0000");
  CHECK(utc("Sat Nov 21 22:09:00 2026") == "Sat, 21 Nov 2026 22:09:00 +0000");
  CHECK(utc("21-Nov-2026 22:09:00 +0100") == "Sat, 21 Nov 2026 21:09:00 +0000");
  CHECK(utc("Mon, 30 Jun 2003 23:59:60 +0000") == "Tue, 01 Jul 2003 00:00:00 +0000");
  CHECK(utc("Thu, 1 Jan 1970 00:00:00 -0000") == "Thu, 01 Jan 1970 00:00:00 +0000");
}

TEST_CASE("what is no date is nothing") {
  for (const char* bad : {"", "yesterday", "30 Feb 2024 00:00:00 +0000", "1 Jan 99999 00:00:00 +0000",
                          "1 Foo 2024 00:00:00", "1 Jan 2024 25:00:00 +0000", "Jan 2024", "0 Jan 2024 00:00"}) {
    INFO(bad);
    CHECK_FALSE(parseDateTime(bad));
  }
}

TEST_CASE("the sender's day is that of the sender's calendar") {
  const DateTime sent = parseDateTime("Sat, 21 Nov 2026 23:30:00 -0800").value();
  CHECK(formatImapDate(sent.localDay()) == "21-Nov-2026");
  CHECK(formatDateTime(sent.time, sent.zone) == "Sat, 21 Nov 2026 23:30:00 -0800");
}

TEST_CASE("INTERNALDATE survives a round trip and is read strictly") {
  for (const char* text : {"21-Nov-2026 22:09:00 +0000", " 1-Jan-1999 00:00:00 -0730"}) {
    const DateTime date = parseInternalDate(text).value();
    CHECK(formatInternalDate(date.time, date.zone) == text);
  }
  CHECK(parseInternalDate("01-Jan-1999 00:00:00 +0000") == parseInternalDate(" 1-Jan-1999 00:00:00 +0000"));
  for (const char* bad :
       {"", "21-Nov-2026", "21-Nov-2026 22:09:00", "31-Nov-2026 22:09:00 +0000", "21-Nov-2026 24:09:00 +0000",
        "21-Nov-2026 22:09:00 0000", "21-Nov-2026 22:09:00 +00000", "x1-Nov-2026 22:09:00 +0000"}) {
    INFO(bad);
    CHECK_FALSE(parseInternalDate(bad));
  }
}

TEST_CASE("IMAP days are read with one digit or two") {
  CHECK(formatImapDate(parseImapDate("1-nov-2026").value()) == "1-Nov-2026");
  CHECK(parseImapDate("01-Nov-2026") == parseImapDate("1-Nov-2026"));
  for (const char* bad : {"", "1-Nov", "32-Nov-2026", "1-Nov-26", "1-Nov-20266", "-Nov-2026"})
    CHECK_FALSE(parseImapDate(bad));
}
