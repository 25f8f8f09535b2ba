// What earlier versions left in queue/ opens in this one; what a later one left is refused and stays as it is.
#include <fcntl.h>

#include <catch2/catch.hpp>

#include "libmailcore/base/crc32c.h"
#include "libmailcore/journal/segment.h"
#include "queued/spool/records.h"
#include "tests/unit/queued/spool/spool_fixture.h"
#include "tests/unit/samples.h"

namespace ostler::spool {
namespace {

const Id128 kFirst = *Id128::fromOctets("ostler's sample1");
const Id128 kSecond = *Id128::fromOctets("ostler's sample2");
const std::string kContent = "Subject: kept\r\n\r\nText.\r\n";

MessageRecord sampleRecord(const Id128& id) {
  MessageRecord record;
  record.id = id;
  record.arrived = fromUnixMillis(3'999'999'000'000);
  record.origin.service = "submission";
  record.reversePath = "alice@example.test";
  record.envid = "ENV-1";
  record.size = kContent.size();
  RecipientRecord deferred;
  deferred.recipient.forwardPath = "bob@remote.test";
  deferred.attempts = 3;
  deferred.due = fromUnixMillis(4'000'000'000'000);
  deferred.lastReply = "450 4.2.0 come back later";
  RecipientRecord done;
  done.recipient.forwardPath = "carol@remote.test";
  done.state = RecipientState::delivered;
  record.recipients = {deferred, done};
  return record;
}

/// A journal in which records have that version.
void writeJournal(const std::string& folder, std::uint32_t version, const std::vector<std::vector<journal::SegmentWriter::Item>>& batches) {
  std::filesystem::create_directories(folder);
  const UniqueFd at(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  journal::SegmentHeader header;
  header.id = kFirst;
  header.number = 1;
  header.size = 65536;
  header.user = version;
  auto writer = journal::SegmentWriter::create(at.get(), header);
  REQUIRE(writer);
  for (const auto& batch : batches) REQUIRE((*writer)->append(batch));
  REQUIRE((*writer)->sync());
}

/// Puts that queue where the fixture's spool will look, at a time between its messages' arrival and their next attempt.
void lay(SpoolFixture& f, const std::string& queue) {
  f.setClockAhead(std::chrono::duration_cast<std::chrono::seconds>(fromUnixMillis(3'999'999'500'000) - f.now()));
  std::filesystem::remove_all(f.config->queueDir());
  std::filesystem::copy(queue, f.config->queueDir(), std::filesystem::copy_options::recursive);
}

void checkDeferred(SpoolFixture& f) {
  const std::string said = f.ask({"queue", "show", kFirst.text(), "--json"}).output;
  for (const char* const part : {"alice@example.test", "bob@remote.test", "450 4.2.0 come back later", "\"attempts\":3"})
    CHECK(said.find(part) != std::string::npos);
  const std::string content = f.ask({"queue", "export", kFirst.text()}).output;
  CHECK_FALSE(content.empty());
}

}  // namespace

TEST_CASE("samples of the queue are made", "[.make-samples]") {
  const auto type = [](RecordType one) { return static_cast<std::uint16_t>(one); };
  SpoolFixture f;
  const std::string folder = f.root() + "/made";
  auto record = sampleRecord(kFirst);
  record.handling.priority = 3;
  auto large = sampleRecord(kSecond);
  large.large = true;
  large.hold = Hold::held;
  large.movedTo = "mx";
  large.contentCrc = crc32c(kContent);
  const std::string one = encodeRecord(record);
  const std::string two = encodeRecord(large);
  const std::string destination = encodeRecord(DestinationRecord{"remote.test", Hold::frozen});
  writeJournal(folder, kRecordsVersion,
               {{{type(RecordType::message), one}, {type(RecordType::content), kContent}}, {{type(RecordType::message), two}}, {{type(RecordType::destination), destination}}});
  std::filesystem::create_directories(folder + "/large");
  std::ofstream(folder + "/large/" + kSecond.text()) << kContent;
  lay(f, folder);
  f.start();
  f.drainAndStop();  // which leaves an index
  std::filesystem::remove(f.config->queueDir() + "/lock");
  Sample::keep(f.config->queueDir(), "spool-3");
}

TEST_CASE("the queue of version 1 opens, with attempts, due times and replies") {
  SpoolFixture f;
  lay(f, Sample("spool-1").path());
  f.start();
  checkDeferred(f);
}

TEST_CASE("the queues of versions 2 and 3 open, with their index and without, holds and large contents included") {
  for (const auto& [version, withIndex] : {std::pair{"spool-2", true}, {"spool-2", false}, {"spool-3", true}, {"spool-3", false}}) {
    CAPTURE(version, withIndex);
    SpoolFixture f;
    lay(f, Sample(version).path());
    if (!withIndex) std::filesystem::remove_all(f.config->queueDir() + "/index");
    f.start();
    checkDeferred(f);
    CHECK(f.ask({"queue", "show", kSecond.text(), "--json"}).output.find("\"held\"") != std::string::npos);
    CHECK(f.ask({"queue", "holds", "--json"}).output == "{\"key\":\"remote.test\",\"hold\":\"frozen\"}\n");
  }
}

TEST_CASE("the queue of a later version is refused with the reason, and stays as it is") {
  SpoolFixture f;
  const std::string octets = "of a form nobody here knows";
  std::filesystem::remove_all(f.config->queueDir());
  writeJournal(f.config->queueDir(), kRecordsVersion + 1, {{{1, octets}}});
  const std::string why = f.refusalToStart();
  CHECK(why.find("newer version") != std::string::npos);
  CHECK(std::filesystem::exists(f.config->queueDir() + "/" + journal::segmentName(1)));
}

}  // namespace ostler::spool
