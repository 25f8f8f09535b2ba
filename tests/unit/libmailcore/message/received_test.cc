#include "libmailcore/message/received.h"

#include <catch2/catch.hpp>

#include "libmailcore/message/compose.h"
#include "libmailcore/message/header.h"

using namespace ostler;
using namespace ostler::message;

TEST_CASE("a trace field reads back as what it was written from") {
  const Received written{"client.test",
                         "host.client.test",
                         "2001:db8::1",
                         "mail.example.test",
                         "Ostler",
                         "ESMTPS",
                         "TLSv1.3 TLS_AES_256_GCM_SHA384",
                         "01abc",
                         "bob@example.test",
                         0,
                         fromUnixMillis(1'790'000'000'000)};
  const std::string field = writeReceived(written);
  CHECK(field ==
        "Received: from client.test (host.client.test [IPv6:2001:db8::1])\r\n\tby mail.example.test (Ostler) with "
        "ESMTPS\r\n\tid 01abc"
        "\r\n\tfor <bob@example.test>\r\n\ttls TLS_AES_256_GCM_SHA384 (TLSv1.3);\r\n\tMon, 21 Sep 2026 14:13:20 "
        "+0000\r\n");
  const Received read = parseReceived(field.substr(field.find(':') + 1));
  CHECK(read.helo == written.helo);
  CHECK(read.clientName == written.clientName);
  CHECK(read.clientAddress == written.clientAddress);
  CHECK(read.by == written.by);
  CHECK(read.with == written.with);
  CHECK(read.id == written.id);
  CHECK(read.forPath == written.forPath);
  CHECK(read.time == written.time);
}

TEST_CASE("a message that goes before others, or after them, says so in its trace field: RFC 6710") {
  Received received;
  received.helo = "client.test";
  for (const int priority : {-9, 4}) {
    received.priority = priority;
    const std::string field = writeReceived(received);
    CHECK(field.find("\r\n\tPRIORITY " + std::to_string(priority) + ";\r\n") != std::string::npos);
    CHECK(parseReceived(field.substr(field.find(':') + 1)).helo == "client.test");
  }
  received.priority = 0;
  CHECK(writeReceived(received).find("PRIORITY") == std::string::npos);
}

TEST_CASE("the trace field of a local submission says who, in readable words, and names no client") {
  Received received;
  received.by = "mail.example.test";
  received.byComment = "Ostler, from uid 1000";
  received.with = "LOCAL";
  received.id = "01abc";
  received.time = fromUnixMillis(1'790'000'000'000);
  CHECK(writeReceived(received) ==
        "Received: by mail.example.test (Ostler, from uid 1000) with LOCAL\r\n\tid 01abc;\r\n\tMon, 21 Sep 2026 14:13:20 +0000\r\n");
  received.byComment = "a) by (evil\r\n";
  CHECK(writeReceived(received).find("(a? by ?evil?\?)") != std::string::npos);
}

TEST_CASE("a hostile HELO cannot leave its place in the trace field") {
  Received received;
  received.helo = "evil\r\nX: y (z) \"q\"";
  received.by = "b";
  received.with = "SMTP";
  received.id = "1";
  const std::string field = writeReceived(received);
  CHECK(HeaderView(field + "\r\n").find("X") == std::nullopt);
  CHECK(field.starts_with("Received: from evil??X:?y??z???q?\r\n"));
}

TEST_CASE("hops and earlier deliveries are counted whatever the case of names") {
  const std::string content = "Received: a\r\nDelivered-To: Bob@example.test\r\nreceived: b\r\n\r\nReceived: no\r\n";
  CHECK(countReceived(content) == 2);
  CHECK(wasDeliveredTo(content, "bob@example.test"));
  CHECK_FALSE(wasDeliveredTo(content, "alice@example.test"));
  CHECK(writeReturnPath("") == "Return-Path: <>\r\n");
  CHECK(writeDeliveredTo("bob@x") == "Delivered-To: bob@x\r\n");
}

TEST_CASE("submission adds Date, From and Message-ID only where they are missing") {
  const Id128 id = Id128::make(fromUnixMillis(0));
  const MissingFields with{fromUnixMillis(0), id, "example.test", "a@b"};
  CHECK(missingFields("date: x\r\nMESSAGE-ID: <y>\r\nFrom: z\r\n\r\n", with).empty());
  CHECK(missingFields("Subject: x\r\n\r\n", with) ==
        "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nFrom: <a@b>\r\nMessage-ID: <" + id.text() + "@example.test>\r\n");
}
