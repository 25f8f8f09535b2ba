#include "queued/spool/schedule_index.h"

#include <fcntl.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "queued/spool/ledger.h"
#include "tests/unit/support/temporary_folder.h"

using namespace ostler;
using namespace ostler::spool;

namespace {

MessageRecord messageTo(const std::string& path) {
  MessageRecord record;
  record.id = Id128::make(std::chrono::system_clock::now());
  record.reversePath = "s@a.test";
  record.size = 100;
  record.recipients.emplace_back().recipient.forwardPath = path;
  return record;
}

/// A segment of message records, as the journal would have them.
class Segment {
 public:
  Segment() : fd_(::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    journal::SegmentHeader header;
    header.id = Id128::make(std::chrono::system_clock::now());
    header.number = 7;
    header.size = 1U << 20;
    auto made = journal::SegmentWriter::create(fd_.get(), header);
    REQUIRE(made);
    writer_ = std::move(*made);
  }
  journal::Position append(const MessageRecord& record) {
    const std::string octets = encodeRecord(record);
    const auto places = writer_->append({{static_cast<std::uint16_t>(RecordType::message), octets}});
    REQUIRE(places);
    return places->front();
  }
  /// Into a queue that reads it.
  void add(Queue& queue, const MessageRecord& record) {
    const journal::Position at = append(record);
    queue.insert(record, encodeRecord(record), at, {7, at.offset + 400});
  }
  void serve(Queue& queue) const {
    queue.readFrom([folder = fd_.get()](std::span<const journal::Position> places) {
      return journal::Gathered(places, [folder](std::uint64_t number) { return journal::SegmentFile::open(folder, number).value_or(nullptr); });
    });
  }

 private:
  test::TemporaryFolder folder_;
  UniqueFd fd_;
  std::unique_ptr<journal::SegmentWriter> writer_;
};

void addTo(Queue& queue, const MessageRecord& record) { queue.insert(record, encodeRecord(record), {7, 4096}, {7, 4500}); }

void commit(ScheduleIndex& index, Queue& queue) {
  REQUIRE(index.commitAll(queue, 7, 7));
}

}  // namespace

TEST_CASE("what the index keeps is let go by the queue and read back when it is asked for") {
  const test::TemporaryFolder folder;
  Segment segment;
  const MessageRecord record = messageTo("b@c.test");
  const WallTime due = fromUnixMillis(1'800'000'000'000);
  {
    Queue queue;
    segment.serve(queue);
    const auto loaded = ScheduleIndex::open(folder.file("index"), queue, log::Log());
    REQUIRE(loaded);
    segment.add(queue, record);
    queue.apply(OutcomeRecord{record.id, true, {{0, RecipientState::pending, 2, due, "450 later"}}});
    commit(*loaded->index, queue);
    CHECK(queue.find(record.id)->extra().empty());
    CHECK(queue.find(record.id)->recipients[0].lastReply == nullptr);
    CHECK(queue.unpack(*queue.find(record.id)).recipients[0].recipient.forwardPath == "b@c.test");
  }
  Queue queue;
  segment.serve(queue);
  const auto loaded = ScheduleIndex::open(folder.file("index"), queue, log::Log());
  REQUIRE(loaded);
  CHECK(loaded->replayFrom == 7);
  REQUIRE(queue.find(record.id) != nullptr);
  const Message& message = *queue.find(record.id);
  CHECK(message.content() == journal::Position{7, 4496});
  CHECK(message.due() == due);
  CHECK(queue.octets() == 100);
  CHECK(queue.liveBySegment().at(7) == 1);
  const MessageRecord read = queue.unpack(message);
  CHECK(read.reversePath == "s@a.test");
  CHECK(read.recipients.at(0).lastReply == "450 later");
  CHECK(read.recipients.at(0).attempts == 2);
  CHECK(read.delayTold);
}

TEST_CASE("what was said last outlives a change that says nothing of it") {
  const test::TemporaryFolder folder;
  MessageRecord record = messageTo("b@c.test");
  record.recipients.emplace_back().recipient.forwardPath = "d@e.test";
  Queue queue;
  const auto loaded = ScheduleIndex::open(folder.file("index"), queue, log::Log());
  REQUIRE(loaded);
  addTo(queue, record);
  queue.apply(OutcomeRecord{record.id, false, {{0, RecipientState::pending, 1, {}, "450 later"}}});
  commit(*loaded->index, queue);
  MarkRecord mark;
  mark.id = record.id;
  mark.hold = Hold::held;
  queue.apply(mark);
  queue.apply(OutcomeRecord{record.id, false, {{1, RecipientState::pending, 1, {}, "451 full"}}});
  commit(*loaded->index, queue);
  const Message& message = *queue.find(record.id);
  CHECK(queue.lastRepliesOf(message)[0] == "450 later");
  CHECK(queue.lastRepliesOf(message)[1] == "451 full");
  CHECK(queue.unpack(message).recipients.at(0).lastReply == "450 later");
  Reading reading = queue.reading({&record.id, 1});
  reading.run();
  queue.show(reading, [](const Message& shown, const MessageView& view) {
    CHECK(shown.hold == Hold::held);
    REQUIRE(view.recipients.size() == 2);
    CHECK(view.recipients[0].lastReply == "450 later");
    CHECK(view.recipients[1].lastReply == "451 full");
    CHECK(view.recipients[1].forwardPath == "d@e.test");
  });
  CHECK(queue.held() == 1);
  CHECK(queue.pendingRecipients() == 2);
  queue.apply(OutcomeRecord{record.id, false, {{0, RecipientState::delivered, 2, {}, ""}}});
  commit(*loaded->index, queue);
  CHECK(queue.lastRepliesOf(message)[0].empty());
  CHECK(queue.pendingRecipients() == 1);
}

TEST_CASE("a hold that was taken back while the index was closed is not in it after the next commit") {
  const test::TemporaryFolder folder;
  {
    Queue queue;
    const auto loaded = ScheduleIndex::open(folder.file("index"), queue, log::Log());
    REQUIRE(loaded);
    queue.apply(DestinationRecord{"mx:c.test", Hold::frozen});
    commit(*loaded->index, queue);
  }
  {
    Queue queue;
    const auto loaded = ScheduleIndex::open(folder.file("index"), queue, log::Log());
    REQUIRE(loaded);
    REQUIRE(queue.destinations().size() == 1);
    queue.apply(DestinationRecord{"mx:c.test", Hold::none});  // as replay does
    commit(*loaded->index, queue);
  }
  Queue queue;
  const auto loaded = ScheduleIndex::open(folder.file("index"), queue, log::Log());
  REQUIRE(loaded);
  CHECK(queue.destinations().empty());
}

TEST_CASE("targets of an alias expanded after the commit are in the next one") {
  const test::TemporaryFolder folder;
  const MessageRecord record = messageTo("team@ours.test");
  {
    Queue queue;
    const auto loaded = ScheduleIndex::open(folder.file("index"), queue, log::Log());
    REQUIRE(loaded);
    addTo(queue, record);
    commit(*loaded->index, queue);
    queue.apply(ExpansionRecord{record.id, 0, 1, false, {"m@n.test"}});
    commit(*loaded->index, queue);
  }
  Queue queue;
  const auto loaded = ScheduleIndex::open(folder.file("index"), queue, log::Log());
  REQUIRE(loaded);
  const MessageRecord read = queue.unpack(*queue.find(record.id));
  REQUIRE(read.recipients.size() == 2);
  CHECK(read.recipients[1].recipient.forwardPath == "m@n.test");
  CHECK(loaded->index->idsAfter(Id128(), 10, filedByDomain("n.test")).size() == 1);
}

TEST_CASE("a message that has grown is read from the journal again once its record was written anew, and shown while it moves") {
  const test::TemporaryFolder folder;
  Segment segment;
  Queue queue;
  segment.serve(queue);
  const auto loaded = ScheduleIndex::open(folder.file("index"), queue, log::Log());
  REQUIRE(loaded);
  const MessageRecord record = messageTo("team@ours.test");
  segment.add(queue, record);
  commit(*loaded->index, queue);
  Reading early = queue.reading({&record.id, 1});
  early.run();
  queue.apply(ExpansionRecord{record.id, 0, 1, false, {"m@n.test"}});
  commit(*loaded->index, queue);
  CHECK_FALSE(loaded->index->read({&record.id, 1}).at(0).packed.empty());
  const MessageRecord whole = queue.unpack(*queue.find(record.id));
  const journal::Position place = segment.append(whole);
  std::vector<std::string> shown;
  const auto each = [&shown](const Message&, const MessageView& view) {
    for (const RecipientView& recipient : view.recipients) shown.emplace_back(recipient.forwardPath);
  };
  queue.show(early, each);
  queue.moved(record.id, encodeRecord(whole), place, {7, place.offset + 400});
  commit(*loaded->index, queue);
  CHECK(queue.find(record.id)->extra().packed.empty());
  CHECK(loaded->index->read({&record.id, 1}).at(0).packed.empty());
  queue.show(early, each);
  CHECK(shown == std::vector<std::string>{"team@ours.test", "m@n.test", "team@ours.test", "m@n.test"});
}

TEST_CASE("the list goes page by page, in the order of the ids, through what is committed, on its way and new") {
  const test::TemporaryFolder folder;
  Queue queue;
  const auto loaded = ScheduleIndex::open(folder.file("index"), queue, log::Log());
  REQUIRE(loaded);
  std::vector<Id128> all;
  for (int n = 0; n < 30; ++n) {
    const MessageRecord record = messageTo("x@y.test");
    addTo(queue, record);
    all.push_back(record.id);
    if (n == 9) commit(*loaded->index, queue);
    if (n == 19) (void)queue.takeChanged();
  }
  std::vector<Id128> seen;
  for (std::vector<Id128> page = queue.idsAfter(Id128(), 7); !page.empty(); page = queue.idsAfter(seen.back(), 7)) {
    seen.insert(seen.end(), page.begin(), page.end());
  }
  CHECK(seen == all);
}

TEST_CASE("a message that ended is not in the index any more") {
  const test::TemporaryFolder folder;
  Queue queue;
  const auto loaded = ScheduleIndex::open(folder.file("index"), queue, log::Log());
  REQUIRE(loaded);
  const MessageRecord record = messageTo("x@y.test");
  addTo(queue, record);
  commit(*loaded->index, queue);
  queue.apply(DeliveredRecord{{record.id}});
  commit(*loaded->index, queue);
  CHECK(loaded->index->idsAfter(Id128(), 10, "").empty());
  CHECK(loaded->index->read({&record.id, 1}).at(0).packed.empty());
  CHECK(queue.octets() == 0);
}

TEST_CASE("messages are found by their recipients' domains and their sender, and no longer when they have ended") {
  const test::TemporaryFolder folder;
  Queue queue;
  const auto loaded = ScheduleIndex::open(folder.file("index"), queue, log::Log());
  REQUIRE(loaded);
  const MessageRecord one = messageTo("b@C.test");
  MessageRecord two = messageTo("x@y.test");
  two.recipients.emplace_back().recipient.forwardPath = "z@c.test";
  const MessageRecord three = messageTo("x@y.test");
  for (const MessageRecord& record : {one, two, three}) addTo(queue, record);
  commit(*loaded->index, queue);
  const auto at = [&](const char* domain) { return loaded->index->idsAfter(Id128(), 100, filedByDomain(domain)); };
  std::vector<Id128> both = {one.id, two.id};
  std::sort(both.begin(), both.end());
  CHECK(at("c.test") == both);
  CHECK(at("c.tes").empty());
  CHECK(loaded->index->idsAfter(Id128(), 100, filedBySender("S@A.test")).size() == 3);
  CHECK(loaded->index->idsAfter(both.front(), 100, filedByDomain("c.test")) == std::vector<Id128>{both.back()});
  queue.apply(DeliveredRecord{{two.id}});
  commit(*loaded->index, queue);
  CHECK(at("c.test") == std::vector<Id128>{one.id});
  CHECK(at("y.test") == std::vector<Id128>{three.id});
}
