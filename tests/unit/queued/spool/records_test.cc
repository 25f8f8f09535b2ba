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

TEST_CASE("a message record of version 1 is read, and asks nothing of the way") {
  std::string octets = encodeRecord(sample());
  constexpr std::size_t kLater = 8 + 4;  // expiresAt, movedTo
  octets.resize(octets.size() - ipc::encode(ipc::Handling{}).size() - kLater);
  const auto read = decodeRecord(static_cast<std::uint16_t>(RecordType::message), octets);
  REQUIRE(read);
  CHECK(std::get<MessageRecord>(*read).handling == ipc::Handling{});
  CHECK(std::get<MessageRecord>(*read).reversePath == "alice@example.test");
}

TEST_CASE("a message record cut off inside what was added is refused, and so is a priority that does not exist") {
  std::string octets = encodeRecord(sample());
  octets.pop_back();
  CHECK_FALSE(decodeRecord(static_cast<std::uint16_t>(RecordType::message), octets));
  MessageRecord record = sample();
  record.handling.priority = 10;
  CHECK_FALSE(decodeRecord(static_cast<std::uint16_t>(RecordType::message), encodeRecord(record)));
}

}  // namespace ostler::spool
