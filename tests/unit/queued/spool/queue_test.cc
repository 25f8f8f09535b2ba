#include "queued/spool/queue.h"

#include <catch2/catch.hpp>

#include "queued/spool/ledger.h"

using namespace ostler;
using namespace ostler::spool;

namespace {

MessageRecord messageTo(std::vector<std::string> paths) {
  MessageRecord record;
  record.id = Id128::make(std::chrono::system_clock::now());
  record.reversePath = "s@a.test";
  for (std::string& path : paths) record.recipients.emplace_back().recipient.forwardPath = std::move(path);
  return record;
}

void add(Queue& queue, const MessageRecord& record, std::uint64_t segment = 1) {
  queue.insert(record, encodeRecord(record), {segment, 4096}, {segment, 4500});
}

/// The batches of a log, as replay gives them.
struct Log {
  std::vector<journal::NewRecord> records;
  void replayInto(Queue& queue) const {
    std::uint64_t offset = 4096;
    for (const journal::NewRecord& record : records) {
      journal::Batch batch;
      batch.records.push_back({record.type, 1, {1, offset}, record.content});
      offset += 4096;
      REQUIRE(queue.replay(batch));
    }
  }
};

}  // namespace

TEST_CASE("of a record that the index has lost nothing is concluded: it is an error, not a message to nobody") {
  struct Empty final : Archive {
    std::vector<Stored> read(std::span<const Id128> ids) const override { return std::vector<Stored>(ids.size()); }
    std::vector<Id128> idsAfter(const Id128&, std::size_t, const std::string&) const override { return {}; }
  } const empty;
  Queue queue;
  queue.keepIn(&empty);
  const MessageRecord record = messageTo({"a@b.test", "c@d.test"});
  add(queue, record);
  Message* const message = queue.find(record.id);
  REQUIRE(queue.read(*message));
  CHECK(queue.read(*message)->recipients.size() == 2);
  queue.stored(queue.takeChanged());
  CHECK(queue.read(*message));  // nothing else reads the journal: it is kept
  queue.readFrom([](std::span<const journal::Position> places) { return journal::Gathered(places, [](std::uint64_t) { return nullptr; }); });
  queue.apply(MarkRecord{record.id, MarkRecord::Kind::hold, Hold::held, {}, {}});
  queue.stored(queue.takeChanged());
  CHECK_FALSE(queue.read(*message));
}

TEST_CASE("a message leaves the queue when its last recipient is final") {
  Queue queue;
  const MessageRecord record = messageTo({"a@b.test", "c@d.test"});
  add(queue, record);
  OutcomeRecord outcome{record.id, false, {{0, RecipientState::delivered, 1, {}, ""}}};
  queue.apply(outcome);
  REQUIRE(queue.find(record.id) != nullptr);
  outcome.entries = {{1, RecipientState::failed, 1, {}, "550 no"}};
  queue.apply(outcome);
  CHECK(queue.find(record.id) == nullptr);
  CHECK(queue.knows(record.id));
}

TEST_CASE("replaying the end of the log a second time changes nothing") {
  const MessageRecord first = messageTo({"a@b.test", "team@ours.test"});
  const MessageRecord second = messageTo({"x@y.test"});
  const WallTime due = fromUnixMillis(1'800'000'000'000);
  Log log;
  log.records = {newRecord(first),
                 newRecord(second),
                 newRecord(OutcomeRecord{first.id, true, {{0, RecipientState::pending, 2, due, "450 later"}}}),
                 newRecord(ExpansionRecord{first.id, 1, 2, false, {"m@n.test"}}),
                 newRecord(DeliveredRecord{{second.id}})};
  Queue once;
  log.replayInto(once);
  Queue twice;
  log.replayInto(twice);
  log.replayInto(twice);
  for (Queue* queue : {&once, &twice}) {
    REQUIRE(queue->messages().size() == 1);
    const MessageRecord now = queue->unpack(*queue->find(first.id));
    REQUIRE(now.recipients.size() == 3);
    CHECK(now.recipients[0].lastReply == "450 later");
    CHECK(now.recipients[0].due == due);
    CHECK(now.recipients[1].state == RecipientState::expanded);
    CHECK(now.recipients[2].recipient.forwardPath == "m@n.test");
    CHECK(now.recipients[2].recipient.orcpt == "rfc822;team@ours.test");
    CHECK(now.delayTold);
  }
}

TEST_CASE("segments are counted by the messages that live in them") {
  Queue queue;
  const MessageRecord record = messageTo({"a@b.test"});
  add(queue, record, 3);
  CHECK(queue.liveBySegment().at(3) == 1);
  queue.moved(record.id, encodeRecord(record), {9, 4096}, {9, 5000});
  CHECK(queue.liveBySegment().count(3) == 0);
  CHECK(queue.liveBySegment().at(9) == 1);
  queue.apply(DeliveredRecord{{record.id}});
  CHECK(queue.liveBySegment().empty());
}

TEST_CASE("a message that an administrator removes is gone although a delivery runs") {
  Queue queue;
  const MessageRecord record = messageTo({"a@b.test"});
  add(queue, record);
  queue.find(record.id)->recipients[0].inFlight = true;
  MarkRecord mark;
  mark.id = record.id;
  mark.kind = MarkRecord::Kind::removed;
  queue.apply(mark);
  CHECK(queue.find(record.id) == nullptr);
}

TEST_CASE("a record with a state that does not exist is refused") {
  OutcomeRecord outcome{Id128(), false, {{0, static_cast<RecipientState>(77), 1, {}, ""}}};
  CHECK_FALSE(decodeRecord(static_cast<std::uint16_t>(RecordType::outcome), encodeRecord(outcome)));
}
