#include "queued/spool/ledger.h"

#include <atomic>
#include <catch2/catch.hpp>

#include "tests/unit/support/temporary_folder.h"

using namespace ostler;
using namespace ostler::spool;

namespace {

/// Writes nothing while it is full.
class FullAtTimes final : public journal::Disk {
 public:
  Result<void> write(int fd, std::span<iovec> parts, std::uint64_t offset) const override {
    if (isFull) return fail(Error::Kind::limit, "write: No space left on device");
    return Disk::write(fd, parts, offset);
  }
  std::atomic<bool> isFull{false};
};

std::unique_ptr<journal::Journal> openJournal(const std::string& folder, const journal::Disk& disk) {
  journal::JournalOptions options;
  options.folder = folder;
  options.segmentSize = 1_MiB;
  options.disk = &disk;
  auto journal = journal::Journal::open(options, 0, [](const journal::Batch&) {});
  REQUIRE(journal);
  return std::move(*journal);
}

MarkRecord mark() {
  MarkRecord record;
  record.id = Id128::make(std::chrono::system_clock::now());
  return record;
}

}  // namespace

TEST_CASE("who waits for what was noted hears that it is synced, or that the journal refuses it; it is written when it no longer does") {
  const test::TemporaryFolder folder;
  FullAtTimes disk;
  const auto journal = openJournal(folder.path(), disk);
  Loop loop;
  Ledger ledger(loop, *journal, log::Log());
  CHECK(loop.runUntilDone(ledger.synced()));
  ledger.note(mark());
  CHECK_FALSE(ledger.settled());
  CHECK(loop.runUntilDone(ledger.synced()));
  CHECK(ledger.settled());

  disk.isFull = true;
  bool isSynced = false;
  ledger.note(mark());
  ledger.whenSynced([&isSynced] { isSynced = true; });
  const Result<void> refused = loop.runUntilDone(ledger.synced());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == Error::Kind::temporary);
  CHECK(ledger.stuck());
  CHECK_FALSE(loop.runUntilDone(ledger.synced()));
  CHECK_FALSE(isSynced);
  disk.isFull = false;
  const Deadline deadline = Deadline::after(std::chrono::seconds(10));
  while (!isSynced && !deadline.passed()) loop.runUntilDone(loop.sleepUntil(Deadline::after(std::chrono::milliseconds(10))));
  CHECK(isSynced);
  CHECK(loop.runUntilDone(ledger.synced()));
}

TEST_CASE("however much is noted before a sync, it is written in batches that fit into a segment") {
  const test::TemporaryFolder folder;
  const journal::Disk disk;
  const auto journal = openJournal(folder.path(), disk);  // segments of 1 MiB
  Loop loop;
  Ledger ledger(loop, *journal, log::Log());
  std::size_t octets = 0;
  while (octets < 3U << 20) {
    const MarkRecord record = mark();
    octets += encodeRecord(record).size();
    ledger.note(record);
  }
  CHECK(loop.runUntilDone(ledger.synced()));
  CHECK_FALSE(ledger.stuck());
  CHECK(journal->segments().size() >= 3);
}

TEST_CASE("who waits for what was noted does not wait for what is noted later") {
  const test::TemporaryFolder folder;
  FullAtTimes disk;
  const auto journal = openJournal(folder.path(), disk);
  Loop loop;
  Ledger ledger(loop, *journal, log::Log());
  int told = 0;
  ledger.note(mark());
  ledger.whenSynced([&] {
    ++told;
    CHECK_FALSE(ledger.settled());
  });
  ledger.noteTogether({newRecord(mark())}, [&](const journal::Committed&) { ledger.note(mark()); });  // there is always something on its way
  const Deadline deadline = Deadline::after(std::chrono::seconds(10));
  while (told == 0 && !deadline.passed()) loop.runUntilDone(loop.sleepUntil(Deadline::after(std::chrono::milliseconds(1))));
  CHECK(told == 1);
}
