#include "queued/spool/records.h"

#include <catch2/catch.hpp>

#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/wire.h"

namespace ostler::spool {
namespace {

MessageRecord sample() {
  MessageRecord record;
  record.id = Id128::make(fromUnixMillis(1'700'000'000'000));
  record.reversePath = "alice@example.test";
  record.recipients.emplace_back().recipient.forwardPath = "bob@example.test";
  record.handling.holdUntil = fromUnixMillis(1'700'000'100'000);
  record.handling.deliverBy = fromUnixMillis(1'700'000'200'000);
  record.handling.by = ipc::Handling::By::giveBack;
  record.handling.byTrace = true;
  record.handling.priority = -9;
  record.handling.requireTls = true;
  return record;
}

}  // namespace

TEST_CASE("what a sender asks of the way is read back as it was written") {
  const MessageRecord record = sample();
  const auto read = decodeRecord(static_cast<std::uint16_t>(RecordType::message), encodeRecord(record));
  REQUIRE(read);
  CHECK(std::get<MessageRecord>(*read).handling == record.handling);
  CHECK(std::get<MessageRecord>(*read).recipients.size() == 1);
}

TEST_CASE("what an alias leads to keeps the name that the sender wrote, of its type: RFC 3461 5.2.7, RFC 6533 3") {
  for (const auto& [name, orcpt] : {std::pair("bob@example.test", "rfc822;bob@example.test"), std::pair("b\xC3\xB6@example.test", "utf-8;b\xC3\xB6@example.test")}) {
    MessageRecord record = sample();
    record.recipients.front().recipient.forwardPath = name;
    grow(record, ExpansionRecord{record.id, 0, 1, false, {"m@n.test"}});
    REQUIRE(record.recipients.size() == 2);
    CHECK(record.recipients[1].recipient.orcpt == orcpt);
  }
}

TEST_CASE("a view of a message record shows what the record holds") {
  MessageRecord record = sample();
  record.arrived = fromUnixMillis(1'700'000'000'001);
  record.origin = {"smtp", "mail.test", "192.0.2.1:4711", "client.test", "alice@example.test", "file.eml", Id128::make(record.arrived)};
  record.envid = "QQ314159";
  record.eightBit = record.large = record.delayTold = true;
  record.size = 4711;
  record.hold = Hold::frozen;
  record.movedTo = "mx";
  RecipientRecord& second = record.recipients.emplace_back();
  second.recipient = {"carol@example.test", "rfc822;team@example.test", ipc::Recipient::kNotifySuccess, true};
  second.parent = 0;
  second.state = RecipientState::failed;
  second.attempts = 3;
  second.lastReply = "550 no";
  const std::string octets = encodeRecord(record);
  const auto view = ipc::decode<MessageView>(octets);
  REQUIRE(view);
  CHECK(view->id == record.id);
  CHECK(view->arrived == record.arrived);
  CHECK(view->origin.client == "192.0.2.1:4711");
  CHECK(view->origin.taken == "file.eml");
  CHECK(view->origin.session == record.origin.session);
  CHECK(view->reversePath == record.reversePath);
  CHECK(view->envid == record.envid);
  CHECK((view->eightBit && view->large && view->delayTold && !view->binary));
  CHECK(view->size == 4711);
  CHECK(view->hold == Hold::frozen);
  CHECK(view->handling == record.handling);
  CHECK(view->movedTo == "mx");
  REQUIRE(view->recipients.size() == 2);
  CHECK(view->recipients[1].forwardPath == "carol@example.test");
  CHECK(view->recipients[1].orcpt == "rfc822;team@example.test");
  CHECK(view->recipients[1].parent == 0);
  CHECK(view->recipients[1].state == RecipientState::failed);
  CHECK(view->recipients[1].attempts == 3);
  CHECK(view->recipients[1].lastReply == "550 no");
}

TEST_CASE("a message record of version 1 is read, and asks nothing of the way") {
  std::string octets = encodeRecord(sample());
  constexpr std::size_t kLater = 8 + 4 + 1;  // expiresAt, movedTo, contentCrc
  octets.resize(octets.size() - ipc::encode(ipc::Handling{}).size() - kLater);
  const auto read = decodeRecord(static_cast<std::uint16_t>(RecordType::message), octets);
  REQUIRE(read);
  CHECK(std::get<MessageRecord>(*read).handling == ipc::Handling{});
  CHECK(std::get<MessageRecord>(*read).reversePath == "alice@example.test");
}

TEST_CASE("a message record cut off inside what was added is refused, and so is a priority that does not exist") {
  std::string octets = encodeRecord(sample());
  octets.resize(octets.size() - 2);  // the last one alone is contentCrc, which older records end before
  CHECK_FALSE(decodeRecord(static_cast<std::uint16_t>(RecordType::message), octets));
  MessageRecord record = sample();
  record.handling.priority = 10;
  CHECK_FALSE(decodeRecord(static_cast<std::uint16_t>(RecordType::message), encodeRecord(record)));
}

TEST_CASE("octets behind what this version knows of a message are damage, so its version is raised with each field that is added") {
  CHECK_FALSE(decodeRecord(static_cast<std::uint16_t>(RecordType::message), encodeRecord(sample()) + '\0'));
}

}  // namespace ostler::spool
