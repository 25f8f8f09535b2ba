#include <fcntl.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>

#include "libmailcore/base/random.h"
#include "libmailcore/journal/group_commit.h"
#include "power_cut_disk.h"

using namespace ostler;
using namespace ostler::journal;

namespace {

struct TemporaryFolder {
  std::string path = (std::filesystem::temp_directory_path() / ("journal-" + toHex(8))).string();
  TemporaryFolder() { std::filesystem::create_directory(path); }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  static std::string toHex(std::size_t n) {
    std::string out;
    for (std::size_t at = 0; at < n; ++at) out += "0123456789abcdef"[randomBelow(16)];
    return out;
  }
};

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

TEST_CASE("CRC32C gives the check value of its definition") { CHECK(crc32c("123456789") == 0xE3069283U); }

TEST_CASE("what was committed is read back, in order, by place and by replay") {
  const TemporaryFolder folder;
  Committed places;
  {
    const auto journal = openJournal(optionsFor(folder.path));
    for (int i = 0; i < 300; ++i) {
      const auto committed = commit(*journal, {"envelope " + std::to_string(i), std::string(static_cast<std::size_t>(i * 7), 'x')});
      REQUIRE(committed);
      if (i == 200) places = *committed;
    }
    CHECK(journal->read(places[0]).value() == "envelope 200");
    CHECK(journal->segments().size() > 5);
  }
  const Contents contents = contentsOf(folder.path);
  REQUIRE(contents.size() == 300);
  for (const auto& [number, records] : contents) CHECK(records.front() == "envelope " + std::to_string(number - 1));
}

TEST_CASE("a journal that is opened again goes on in a new segment with the next batch") {
  const TemporaryFolder folder;
  for (int life = 0; life < 4; ++life) {
    const auto journal = openJournal(optionsFor(folder.path));
    REQUIRE(commit(*journal, {"life " + std::to_string(life)}));
  }
  const Contents contents = contentsOf(folder.path);
  REQUIRE(contents.size() == 4);
  CHECK(contents.at(4).front() == "life 3");
}

TEST_CASE("retired segments are recycled, and nothing of their earlier life comes alive") {
  const TemporaryFolder folder;
  std::uint64_t kept = 0;
  {
    const auto journal = openJournal(optionsFor(folder.path));
    for (int i = 0; i < 2000; ++i) {
      const auto committed = commit(*journal, {std::string(1000, static_cast<char>('a' + i % 26))});
      REQUIRE(committed);
      journal->retireBefore(committed->front().segment);
      if (i == 1999) kept = committed->front().segment;
    }
    CHECK(journal->octetsOnDisk() < 8 * (64U << 10));
  }
  std::uint64_t first = 0;
  const UniqueFd fd(::open(folder.path.c_str(), O_RDONLY | O_DIRECTORY));
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

TEST_CASE("a pinned segment is not recycled while it is read") {
  const TemporaryFolder folder;
  const auto journal = openJournal(optionsFor(folder.path));
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
    const auto journal = openJournal(optionsFor(folder.path));
    for (int i = 0; i < 20; ++i) {
      const auto committed = commit(*journal, {"first of " + std::to_string(i), "second of " + std::to_string(i)});
      REQUIRE(committed);
      if (i == 7) broken = *committed;
    }
  }
  for (const std::size_t record : {0U, 1U}) {
    const std::string file = folder.path + "/" + segmentName(broken[record].segment);
    flipOctet(file, broken[record].offset + kRecordHeader + 2);
    std::vector<Damage> damage;
    const Contents contents = contentsOf(folder.path, &damage);
    CHECK(contents.size() == 19);
    CHECK(contents.count(8) == 0);
    REQUIRE(damage.size() == 1);
    CHECK(damage.front().from == broken[0]);
    flipOctet(file, broken[record].offset + kRecordHeader + 2);
  }
  CHECK(contentsOf(folder.path).size() == 20);
}

TEST_CASE("a tail cut off at any octet loses the unfinished batch alone and is no damage") {
  const TemporaryFolder folder;
  Committed last;
  {
    const auto journal = openJournal(optionsFor(folder.path));
    REQUIRE(commit(*journal, {"one"}));
    last = commit(*journal, {"two, first record", "two, second record"}).value();
  }
  const std::string file = folder.path + "/" + segmentName(last[0].segment);
  for (std::uint64_t cut = last[0].offset; cut < last[1].offset + kRecordHeader + 18; ++cut) {
    const TemporaryFolder copy;
    const std::string target = copy.path + "/" + segmentName(last[0].segment);
    std::filesystem::copy_file(file, target);
    std::filesystem::resize_file(target, cut);
    std::vector<Damage> damage;
    CHECK(contentsOf(copy.path, &damage).size() == 1);
    CHECK(damage.empty());
  }
}

TEST_CASE("many threads share syncs and each gets its own outcome") {
  const TemporaryFolder folder;
  JournalOptions options = optionsFor(folder.path);
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
  CHECK(contentsOf(folder.path).size() == kThreads * kEach);
}

TEST_CASE("a disk call that fails, whichever it is, loses no acknowledged batch and brings no refused one back") {
  for (std::size_t call = 1; call < 60; ++call) {
    const TemporaryFolder folder;
    PowerCutDisk disk;
    std::vector<std::string> acknowledged;
    std::vector<std::string> refused;
    {
      disk.failCall(call);
      auto opened = Journal::open(optionsFor(folder.path, disk), 0, [](const Batch&) {});
      if (!opened) continue;
      for (int i = 0; i < 150; ++i) {
        const std::string content = std::to_string(i) + std::string(800, '.');
        (commit(**opened, {content}) ? acknowledged : refused).push_back(content);
      }
    }
    std::vector<std::string> found;
    std::vector<Damage> damage;
    for (const auto& [number, records] : contentsOf(folder.path, &damage)) found.push_back(records.front());
    INFO("call " << call << ", refused " << refused.size());
    CHECK(found == acknowledged);
    CHECK(damage.empty());
    CHECK(refused.empty());  // written once more, to another segment
  }
}

TEST_CASE("after a power cut at any moment every acknowledged batch is there once and every other whole or absent") {
  std::mt19937 random(20261121);
  for (int round = 0; round < 60; ++round) {
    const TemporaryFolder folder;
    const TemporaryFolder target;
    const std::string copy = target.path + "/cut";
    PowerCutDisk disk;
    std::mutex mutex;
    std::map<std::string, std::string> acknowledged;
    std::map<std::string, std::string> sent;
    {
      JournalOptions options = optionsFor(folder.path, disk);
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
