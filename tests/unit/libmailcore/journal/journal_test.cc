#include <fcntl.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <thread>

#include "libmailcore/base/random.h"
#include "libmailcore/journal/group_commit.h"
#include "power_cut_disk.h"
#include "tests/unit/support/temporary_folder.h"

using namespace ostler;
using namespace ostler::journal;

namespace {

using test::TemporaryFolder;

using Contents = std::map<std::uint64_t, std::vector<std::string>>;

Contents contentsOf(const std::string& folder, std::vector<Damage>* damage = nullptr) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY));
  Contents contents;
  auto replayed = replay(fd.get(), 0, [&](const Batch& batch) {
    for (const Record& record : batch.records) contents[batch.number].emplace_back(record.content);
    return true;
  });
  REQUIRE(replayed);
  if (damage != nullptr) *damage = replayed->damage;
  return contents;
}

JournalOptions optionsFor(const std::string& folder, const Disk& disk = Disk::real()) {
  JournalOptions options;
  options.folder = folder;
  options.segmentSize = 64_KiB;
  options.gatherFor = std::chrono::microseconds(0);
  options.disk = &disk;
  return options;
}

std::unique_ptr<Journal> openJournal(const JournalOptions& options) {
  auto journal = Journal::open(options, 0, [](const Batch&) {});
  REQUIRE(journal);
  return std::move(*journal);
}

Result<Committed> commit(Journal& journal, std::vector<std::string> contents) {
  std::vector<NewRecord> batch;
  for (std::string& content : contents) batch.push_back({1, std::move(content)});
  std::promise<Result<Committed>> done;
  journal.append(std::move(batch), [&done](Result<Committed> outcome) { done.set_value(std::move(outcome)); });
  return done.get_future().get();
}

void flipOctet(const std::string& file, std::uint64_t offset) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(offset));
  const char octet = static_cast<char>(stream.get() ^ 1);
  stream.seekp(static_cast<std::streamoff>(offset));
  stream.put(octet);
}

}  // namespace

TEST_CASE("what was committed is read back, in order, by place and by replay") {
  const TemporaryFolder folder;
  Committed places;
  {
    const auto journal = openJournal(optionsFor(folder.path()));
    for (int i = 0; i < 300; ++i) {
      const auto committed = commit(*journal, {"envelope " + std::to_string(i), std::string(static_cast<std::size_t>(i * 7), 'x')});
      REQUIRE(committed);
      if (i == 200) places = *committed;
    }
    CHECK(journal->read(places[0]).value() == "envelope 200");
    CHECK(journal->segments().size() > 5);
  }
  const Contents contents = contentsOf(folder.path());
  REQUIRE(contents.size() == 300);
  for (const auto& [number, records] : contents) CHECK(records.front() == "envelope " + std::to_string(number - 1));
}

TEST_CASE("a journal that is opened again goes on in a new segment with the next batch") {
  const TemporaryFolder folder;
  for (int life = 0; life < 4; ++life) {
    const auto journal = openJournal(optionsFor(folder.path()));
    REQUIRE(commit(*journal, {"life " + std::to_string(life)}));
  }
  const Contents contents = contentsOf(folder.path());
  REQUIRE(contents.size() == 4);
  CHECK(contents.at(4).front() == "life 3");
}

TEST_CASE("retired segments are recycled, and nothing of their earlier life comes alive") {
  const TemporaryFolder folder;
  std::uint64_t kept = 0;
  {
    const auto journal = openJournal(optionsFor(folder.path()));
    for (int i = 0; i < 2000; ++i) {
      const auto committed = commit(*journal, {std::string(1000, static_cast<char>('a' + i % 26))});
      REQUIRE(committed);
      journal->retireBefore(committed->front().segment);
      if (i == 1999) kept = committed->front().segment;
    }
    CHECK(journal->octetsOnDisk() < 8 * (64U << 10));
  }
  std::uint64_t first = 0;
  const UniqueFd fd(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY));
  std::uint64_t last = 0;
  auto replayed = replay(fd.get(), kept, [&](const Batch& batch) {
    if (first == 0) first = batch.number;
    CHECK((last == 0 || batch.number == last + 1));
    last = batch.number;
    return true;
  });
  REQUIRE(replayed);
  CHECK(replayed->damage.empty());
  CHECK(last == 2000);
}

TEST_CASE("segments older than those that are replayed stay until they are retired: their records are read") {
  const TemporaryFolder folder;
  Position first;
  std::uint64_t last = 0;
  {
    const auto journal = openJournal(optionsFor(folder.path()));
    for (int i = 0; i < 300; ++i) {
      const auto committed = commit(*journal, {std::string(1000, static_cast<char>('a' + i % 26))});
      REQUIRE(committed);
      if (i == 0) first = committed->front();
      last = committed->front().segment;
    }
  }
  REQUIRE(last > first.segment + 2);
  auto journal = Journal::open(optionsFor(folder.path()), last, [](const Batch&) {});
  REQUIRE(journal);
  for (int i = 0; i < 50; ++i) REQUIRE(commit(**journal, {"more"}));  // what is retired goes on another thread
  CHECK((*journal)->segments().front() == first.segment);
  CHECK((*journal)->read(first).value_or("") == std::string(1000, 'a'));
  CHECK(openJournal(optionsFor(folder.path()))->read(first).value_or("") == std::string(1000, 'a'));
}

TEST_CASE("the contents of many records are read in whatever order they are asked for, and a damaged one spoils no other") {
  const TemporaryFolder folder;
  std::vector<Position> places;
  std::vector<std::string> contents;
  {
    const auto journal = openJournal(optionsFor(folder.path()));
    for (std::size_t i = 0; i < 200; ++i) {
      contents.push_back(std::to_string(i) + std::string(i % 7 == 0 ? 5000 : i, 'x'));
      const auto committed = commit(*journal, {contents.back(), std::string(300, 'y')});
      REQUIRE(committed);
      places.push_back(committed->front());
    }
  }
  constexpr std::size_t kDamaged = 50;
  flipOctet(folder.path() + "/" + segmentName(places[kDamaged].segment), places[kDamaged].offset + kRecordHeader);
  const auto journal = openJournal(optionsFor(folder.path()));
  std::reverse(places.begin(), places.end());
  std::reverse(contents.begin(), contents.end());
  places.push_back({9999, kSegmentStart});
  const journal::Gathered read = journal->readAll(places);
  REQUIRE(read.size() == places.size());
  for (std::size_t i = 0; i < contents.size(); ++i) {
    if (i == contents.size() - 1 - kDamaged) continue;
    CHECK(read[i].value_or("") == contents[i]);
  }
  CHECK_FALSE(read[contents.size() - 1 - kDamaged]);
  CHECK(read[contents.size()].error().kind == Error::Kind::notFound);
}

TEST_CASE("a pinned segment is not recycled while it is read") {
  const TemporaryFolder folder;
  const auto journal = openJournal(optionsFor(folder.path()));
  const auto first = commit(*journal, {"to be read later"});
  REQUIRE(first);
  const auto pinned = journal->pin(first->front().segment);
  REQUIRE(pinned);
  for (int i = 0; i < 300; ++i) {
    const auto committed = commit(*journal, {std::string(1000, 'z')});
    REQUIRE(committed);
    journal->retireBefore(committed->front().segment);
  }
  CHECK((*pinned)->readRecord(first->front().offset).value() == "to be read later");
}

TEST_CASE("an octet damaged in the middle is reported and only its batch is missing") {
  const TemporaryFolder folder;
  Committed broken;
  {
    const auto journal = openJournal(optionsFor(folder.path()));
    for (int i = 0; i < 20; ++i) {
      const auto committed = commit(*journal, {"first of " + std::to_string(i), "second of " + std::to_string(i)});
      REQUIRE(committed);
      if (i == 7) broken = *committed;
    }
  }
  for (const std::size_t record : {0U, 1U}) {
    const std::string file = folder.path() + "/" + segmentName(broken[record].segment);
    flipOctet(file, broken[record].offset + kRecordHeader + 2);
    std::vector<Damage> damage;
    const Contents contents = contentsOf(folder.path(), &damage);
    CHECK(contents.size() == 19);
    CHECK(contents.count(8) == 0);
    REQUIRE(damage.size() == 1);
    CHECK(damage.front().from == broken[0]);
    flipOctet(file, broken[record].offset + kRecordHeader + 2);
  }
  CHECK(contentsOf(folder.path()).size() == 20);
}

TEST_CASE("a tail cut off at any octet loses the unfinished batch alone and is no damage") {
  const TemporaryFolder folder;
  Committed last;
  {
    const auto journal = openJournal(optionsFor(folder.path()));
    REQUIRE(commit(*journal, {"one"}));
    last = commit(*journal, {"two, first record", "two, second record"}).value();
  }
  const std::string file = folder.path() + "/" + segmentName(last[0].segment);
  for (std::uint64_t cut = last[0].offset; cut < last[1].offset + kRecordHeader + 18; ++cut) {
    const TemporaryFolder copy;
    const std::string target = copy.path() + "/" + segmentName(last[0].segment);
    std::filesystem::copy_file(file, target);
    std::filesystem::resize_file(target, cut);
    std::vector<Damage> damage;
    CHECK(contentsOf(copy.path(), &damage).size() == 1);
    CHECK(damage.empty());
  }
}

TEST_CASE("many threads share syncs and each gets its own outcome") {
  const TemporaryFolder folder;
  JournalOptions options = optionsFor(folder.path());
  options.segmentSize = 1_MiB;
  const auto journal = openJournal(options);
  constexpr int kThreads = 8;
  constexpr int kEach = 500;
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string content = std::to_string(t) + "/" + std::to_string(i);
        const auto committed = commit(*journal, {content});
        if (committed && journal->read(committed->front()).value_or("") == content) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(good == kThreads * kEach);
  CHECK(contentsOf(folder.path()).size() == kThreads * kEach);
}

namespace {

/// What was committed in one life of a journal whose older segments are retired as it goes.
struct Life {
  std::vector<std::string> acknowledged;  // of those not retired
  std::vector<std::string> refused;
  std::uint64_t liveFrom = 0;  // segment
};

Life liveOn(const std::string& folder, const Disk& disk) {
  constexpr int kBatches = 60;
  Life life;
  std::vector<std::pair<std::uint64_t, std::string>> all;
  auto opened = Journal::open(optionsFor(folder, disk), 0, [](const Batch&) {});
  if (!opened) return life;
  for (int i = 0; i < kBatches; ++i) {
    const std::string content = std::to_string(i) + std::string(4000, '.');
    const auto committed = commit(**opened, {content});
    if (!committed) {
      life.refused.push_back(content);
      continue;
    }
    const std::uint64_t segment = committed->front().segment;
    all.emplace_back(segment, content);
    life.liveFrom = segment > 2 ? segment - 2 : 0;
    (*opened)->retireBefore(life.liveFrom);
  }
  for (auto& [segment, content] : all) {
    if (segment >= life.liveFrom) life.acknowledged.push_back(std::move(content));
  }
  return life;
}

/// The batches from a segment on, which must be undamaged.
std::vector<std::string> batchesFrom(const std::string& folder, std::uint64_t segment) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY));
  std::vector<std::string> found;
  const auto replayed = replay(fd.get(), segment, [&](const Batch& batch) {
    found.emplace_back(batch.records.front().content);
    return true;
  });
  REQUIRE(replayed);
  CHECK(replayed->damage.empty());
  return found;
}

bool contains(const std::vector<std::string>& all, const std::string& one) { return std::ranges::find(all, one) != all.end(); }

}  // namespace

TEST_CASE("any one disk call of a journal's life fails: no batch is refused, none is lost") {
  for (std::size_t call = 1;; ++call) {
    const TemporaryFolder folder;
    PowerCutDisk disk;
    disk.failCalls(call);
    const Life life = liveOn(folder.path(), disk);
    if (disk.calls() < call) {
      CHECK(call > 100);  // about 150 there are: opening, five segments, two calls a batch unless batches share a sync, recycling
      break;
    }
    INFO("call " << call << " of " << disk.calls());
    CHECK(batchesFrom(folder.path(), life.liveFrom) == life.acknowledged);
    CHECK(life.refused.empty());  // written once more, to another segment
  }
}

TEST_CASE("some disk calls in a row fail: what was acknowledged is there, what was refused is not") {
  std::size_t refused = 0;
  for (std::size_t call = 1;; call += 3) {
    const TemporaryFolder folder;
    PowerCutDisk disk;
    disk.failCalls(call, 9);
    const Life life = liveOn(folder.path(), disk);
    if (disk.calls() < call) break;
    INFO("from call " << call << " of " << disk.calls() << ", refused " << life.refused.size());
    const std::vector<std::string> found = batchesFrom(folder.path(), life.liveFrom);
    // The last one refused may be the log's end: nothing was appended after it that could say it does not count.
    const bool endsRefused = !life.refused.empty() && life.refused.back().starts_with("59.");
    if (!endsRefused) CHECK(found == life.acknowledged);
    refused += life.refused.size();
  }
  CHECK(refused > 20);
}

TEST_CASE("the disk fails for good: what was acknowledged before is there, and of the rest at most what had been written whole") {
  const auto kind = GENERATE(Error::Kind::temporary, Error::Kind::limit);
  for (std::size_t call = 1;; call += 3) {
    const TemporaryFolder folder;
    PowerCutDisk disk;
    disk.failAs(kind);
    disk.failCalls(call, PowerCutDisk::kForEver);
    const Life life = liveOn(folder.path(), disk);
    if (disk.calls() < call) break;
    INFO("from call " << call << " of " << disk.calls());
    const std::vector<std::string> found = batchesFrom(folder.path(), life.liveFrom);
    REQUIRE(found.size() >= life.acknowledged.size());
    CHECK(std::vector<std::string>(found.begin(), found.begin() + std::ssize(life.acknowledged)) == life.acknowledged);
    CHECK(found.size() <= life.acknowledged.size() + 1);
    for (std::size_t at = life.acknowledged.size(); at < found.size(); ++at) CHECK(contains(life.refused, found[at]));
    const Life next = liveOn(folder.path(), Disk::real());  // the disk is mended
    CHECK(next.refused.empty());
  }
}

TEST_CASE("a segment that cannot be recycled is tried again now and then, not in a loop") {
  const TemporaryFolder folder;
  PowerCutDisk disk;
  const auto journal = openJournal(optionsFor(folder.path(), disk));
  std::uint64_t segment = 0;
  for (int i = 0; i < 40; ++i) {
    const auto committed = commit(*journal, {std::string(4000, 'x')});
    REQUIRE(committed);
    segment = committed->front().segment;
  }
  REQUIRE(segment > 2);
  const std::size_t before = disk.calls();
  disk.failCalls(before + 1, PowerCutDisk::kForEver);
  journal->retireBefore(segment);
  for (const auto start = std::chrono::steady_clock::now(); std::chrono::steady_clock::now() - start < std::chrono::milliseconds(200);) {
    REQUIRE(disk.calls() < before + 50);
    std::this_thread::yield();
  }
}

TEST_CASE("after a power cut at any moment every acknowledged batch is there once and every other whole or absent") {
  std::mt19937 random(20261121);
  for (int round = 0; round < 60; ++round) {
    const TemporaryFolder folder;
    const TemporaryFolder target;
    const std::string copy = target.path() + "/cut";
    PowerCutDisk disk;
    std::mutex mutex;
    std::map<std::string, std::string> acknowledged;
    std::map<std::string, std::string> sent;
    {
      JournalOptions options = optionsFor(folder.path(), disk);
      const auto journal = openJournal(options);
      const int before = static_cast<int>(random() % 400);
      for (int i = 0; i < before; ++i) {
        const std::string name = "message " + std::to_string(i);
        const std::string body = std::string(random() % 3000, static_cast<char>('a' + i % 26));
        {
          const std::scoped_lock lock(mutex);
          sent[name] = body;
        }
        journal->append({{1, name}, {2, body}}, [&mutex, &acknowledged, name, body](const Result<Committed>& outcome) {
          const std::scoped_lock lock(mutex);
          if (outcome) acknowledged[name] = body;
        });
      }
      const std::scoped_lock lock(mutex);  // no acknowledgement between this look at them and the cut
      disk.cut(copy, random);
      if (round % 2 == 0) {  // a second life on the cut disk, and what it finds is kept by a third
        auto second = Journal::open(optionsFor(copy), 0, [](const Batch&) {});
        REQUIRE(second);
        REQUIRE(commit(**second, {"second life", ""}));
      }
      std::vector<Damage> damage;
      std::map<std::string, int> seen;
      for (const auto& [number, records] : contentsOf(copy, &damage)) {
        REQUIRE(records.size() == 2);
        ++seen[records[0]];
        if (records[0] != "second life") CHECK(sent.at(records[0]) == records[1]);
      }
      for (const auto& [name, body] : acknowledged) CHECK(seen[name] == 1);
      for (const auto& [name, count] : seen) CHECK(count <= 1);
      CHECK(damage.empty());
    }
  }
}
