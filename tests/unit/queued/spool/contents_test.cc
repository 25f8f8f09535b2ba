#include "queued/spool/contents.h"

#include <catch2/catch.hpp>
#include <future>

#include "queued/spool/records.h"
#include "tests/unit/support/temporary_folder.h"

using namespace ostler;
using namespace ostler::spool;

namespace {

std::unique_ptr<journal::Journal> smallJournal(const std::string& folder) {
  journal::JournalOptions options;
  options.folder = folder;
  options.segmentSize = 64_KiB;
  options.gatherFor = std::chrono::microseconds(0);
  auto journal = journal::Journal::open(options, 0, [](const journal::Batch&) {});
  REQUIRE(journal);
  return std::move(*journal);
}

journal::Committed commit(journal::Journal& journal, std::vector<journal::NewRecord> batch) {
  std::promise<Result<journal::Committed>> done;
  journal.append(std::move(batch), [&](Result<journal::Committed> result) { done.set_value(std::move(result)); });
  const Result<journal::Committed> committed = done.get_future().get();
  REQUIRE(committed);
  return *committed;
}

}  // namespace

TEST_CASE("content that is about to be read back is read where it was, though the message is moved and its segment is used again meanwhile") {
  const test::TemporaryFolder folder;
  const auto journal = smallJournal(folder.path());
  auto large = LargeFiles::open(folder.path());
  REQUIRE(large);
  const std::string content = "Subject: held\r\n\r\nwhat was accepted\r\n";
  MessageRecord record;
  record.id = Id128::make(std::chrono::system_clock::now());
  record.size = content.size();
  record.recipients.emplace_back().recipient.forwardPath = "b@c.test";
  const std::string packed = encodeRecord(record);
  const auto batch = [&] {
    return std::vector<journal::NewRecord>{{static_cast<std::uint16_t>(RecordType::message), packed}, {static_cast<std::uint16_t>(RecordType::content), content}};
  };
  Queue queue;
  const journal::Committed first = commit(*journal, batch());
  queue.insert(record, packed, first.front(), first.back());

  const Result<ReadBack> held = holdContent(*journal, *large, *queue.find(record.id), UINT64_MAX);
  REQUIRE(held);
  const journal::Committed second = commit(*journal, batch());
  queue.moved(record.id, packed, second.front(), second.back());
  for (int i = 0; i < 300; ++i) {
    const journal::Committed filler = commit(*journal, {{static_cast<std::uint16_t>(RecordType::content), std::string(1000, 'z')}});
    journal->retireBefore(filler.front().segment);
  }
  CHECK((*held)().value() == content);
}
