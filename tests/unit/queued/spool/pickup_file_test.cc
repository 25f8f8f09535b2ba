#include "queued/spool/pickup_file.h"

#include <catch2/catch.hpp>

#include "libmailcore/ipc/envelope.h"

using namespace ostler;
using namespace ostler::spool;

TEST_CASE("X-Sender and X-Receiver are the envelope, and go") {
  const auto file = parsePickupFile("x-sender: <a@b.test>\nX-Receiver: c@d.test\nX-Receiver: <e@f.test>\nTo: other@g.test\nSubject: s\n\nhi\n");
  REQUIRE(file);
  CHECK(file->reversePath == "a@b.test");
  CHECK(file->forwardPaths == std::vector<std::string>{"c@d.test", "e@f.test"});
  CHECK(file->content == "To: other@g.test\r\nSubject: s\r\n\r\nhi\r\n");
}

TEST_CASE("without them the header says who, each recipient once, and Bcc goes") {
  const auto file = parsePickupFile("From: A <a@b.test>\r\nTo: c@d.test, Group: e@f.test;\r\nCc: c@D.test\r\nBcc: g@h.test\r\n\r\nx");
  REQUIRE(file);
  CHECK(file->reversePath == "a@b.test");
  CHECK(file->forwardPaths == std::vector<std::string>{"c@d.test", "e@f.test", "g@h.test"});
  CHECK(file->content.find("Bcc") == std::string::npos);
}

TEST_CASE("what sendmail was asked to tell and return comes with the file, and goes from the message") {
  const auto file = parsePickupFile("X-Sender: <a@b.test>\nX-Receiver: <c@d.test>\nX-Notify: success, delay\nX-Return: FULL\nX-Envelope-Id: id-7\nSubject: s\n\nhi\n");
  REQUIRE(file);
  CHECK(file->notify == (ipc::Recipient::kNotifySuccess | ipc::Recipient::kNotifyDelay));
  CHECK(file->returned == ipc::Returned::full);
  CHECK(file->envid == "id-7");
  CHECK(file->content == "Subject: s\r\n\r\nhi\r\n");
  const auto never = parsePickupFile("X-Sender: <a@b.test>\nX-Receiver: <c@d.test>\nX-Notify: never\n\nx\n");
  REQUIRE(never);
  CHECK(never->notify == ipc::Recipient::kNotifyNever);
  const auto plain = parsePickupFile("X-Sender: <a@b.test>\nX-Receiver: <c@d.test>\n\nx\n");
  REQUIRE(plain);
  CHECK_FALSE(plain->notify);
}

TEST_CASE("an empty X-Sender is the null reverse-path") {
  const auto file = parsePickupFile("X-Sender: <>\nX-Receiver: c@d.test\n\nx\n");
  REQUIRE(file);
  CHECK(file->reversePath.empty());
}

TEST_CASE("what is no message is refused in words") {
  CHECK_FALSE(parsePickupFile(""));
  CHECK_FALSE(parsePickupFile("just text\n\nmore\n"));
  CHECK_FALSE(parsePickupFile("Subject: nobody\n\nx\n"));
  CHECK_FALSE(parsePickupFile("From: a@b.test\n\nx\n"));
  CHECK_FALSE(parsePickupFile("X-Sender: a@b.test\nX-Receiver: bad address@d.test\n\nx\n"));
}

TEST_CASE("receivers elsewhere that differ in the case of their local parts are two, for only their host knows what that means") {
  const auto file = parsePickupFile("X-Sender: a@b.test\nX-Receiver: Anna@d.test\nX-Receiver: anna@d.test\nX-Receiver: anna@D.TEST\n\nx\n");
  REQUIRE(file);
  CHECK(file->forwardPaths == std::vector<std::string>{"Anna@d.test", "anna@d.test"});
}

TEST_CASE("the envelope's fields count at the top alone; below another field they are fields as any") {
  const auto file = parsePickupFile("X-Sender: a@b.test\nX-Receiver: c@d.test\nSubject: s\nX-Receiver: evil@e.test\nX-Return: full\n\nx\n");
  REQUIRE(file);
  CHECK(file->forwardPaths == std::vector<std::string>{"c@d.test"});
  CHECK(file->returned == ipc::Returned::notSaid);
  CHECK(file->content == "Subject: s\r\nX-Receiver: evil@e.test\r\nX-Return: full\r\n\r\nx\r\n");
}

TEST_CASE("of a message that is sent again the Resent- fields say to whom, and Resent-Bcc goes") {
  const auto file = parsePickupFile("Resent-From: r@b.test\nResent-To: new@d.test\nResent-Bcc: blind@d.test\nFrom: a@b.test\nTo: old@d.test\nBcc: x@d.test\n\nx\n");
  REQUIRE(file);
  CHECK(file->reversePath == "r@b.test");
  CHECK(file->forwardPaths == std::vector<std::string>{"new@d.test", "blind@d.test"});
  CHECK(file->content == "Resent-From: r@b.test\r\nResent-To: new@d.test\r\nFrom: a@b.test\r\nTo: old@d.test\r\n\r\nx\r\n");
}

TEST_CASE("a quoted local part is an address, in X-Receiver as in To") {
  const auto named = parsePickupFile("From: a@b.test\nTo: \"p q\"@ok.test\n\nx\n");
  REQUIRE(named);
  CHECK(named->forwardPaths == std::vector<std::string>{"\"p q\"@ok.test"});
  const auto given = parsePickupFile("X-Sender: <\"s t\"@b.test>\nX-Receiver: <\"p q\"@ok.test>\n\nx\n");
  REQUIRE(given);
  CHECK(given->reversePath == "\"s t\"@b.test");
  CHECK(given->forwardPaths == std::vector<std::string>{"\"p q\"@ok.test"});
}

TEST_CASE("a sender that cannot stand in MAIL FROM is refused, and a recipient by name") {
  for (const char* const sender : {"alice@exa mple.test", "bad addr", "a> RET=FULL ENVID=<x", "a@b@c.test"}) {
    INFO(sender);
    CHECK_FALSE(parsePickupFile(std::string("X-Sender: ") + sender + "\nX-Receiver: c@d.test\n\nx\n"));
  }
  const auto file = parsePickupFile("X-Sender: a@b.test\nX-Receiver: c@d.test\nX-Receiver: bad one@d.test\n\nx\n");
  REQUIRE_FALSE(file);
  CHECK(file.error().detail.find("bad one@d.test") != std::string::npos);
}

TEST_CASE("X-Return: hdrs is another word than none") {
  const auto file = parsePickupFile("X-Sender: a@b.test\nX-Receiver: c@d.test\nX-Return: hdrs\n\nx\n");
  REQUIRE(file);
  CHECK(file->returned == ipc::Returned::headers);
}
