// What earlier versions left in an account's folder opens in this one; what a later one left is refused.
#include "libmailcore/journal/segment.h"
#include "libmailcore/store/local/log_records.h"
#include "tests/unit/libmailcore/store/store_suite.h"
#include "tests/unit/samples.h"

namespace ostler::store::test {
namespace {

/// The account's folder is a copy of that sample.
void lay(LocalFixture& f, const std::string& sample) {
  f.close();
  const Sample copy(sample);
  std::filesystem::remove_all(f.scratch.path() + "/account");
  std::filesystem::copy(copy.path(), f.scratch.path() + "/account", std::filesystem::copy_options::recursive);
}

/// Says of its segments that they are of that version.
void relabel(const std::string& folder, std::uint32_t version) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    std::string octets(journal::kSegmentHeader, '\0');
    file.read(octets.data(), static_cast<std::streamsize>(octets.size()));
    auto header = journal::decodeSegmentHeader(octets);
    REQUIRE(header);
    header->user = version;
    file.seekp(0);
    file << journal::encodeSegmentHeader(*header);
  }
}

void checkSample(LocalFixture& f) {
  const MailboxInfo inbox = f.inbox();
  CHECK(inbox.messages == 2);
  CHECK(inbox.uidNext == 4);
  CHECK(f.run(f.account->mailbox(std::string("Kept/Below"))).messages == 1);
  auto seen = std::make_shared<Collector>();
  Columns columns;
  columns.content = true;
  REQUIRE(f.loop.runUntilDone(f.account->visit(inbox.id, UidSet::of({Uid{1}, Uid{10}}), columns, seen)));
  REQUIRE(seen->rows.size() == 2);
  CHECK(seen->rows[0].content == "Subject: first\r\n\r\nText.\r\n");
  CHECK(seen->rows[1].uid == 3);
}

}  // namespace

TEST_CASE("a sample of an account is made", "[.make-samples]") {
  LocalFixture f;
  f.append("Subject: first\r\n\r\nText.\r\n");
  f.append("Subject: second\r\n\r\nText.\r\n");
  f.append("Subject: third\r\n\r\nText.\r\n");
  REQUIRE(f.loop.runUntilDone(f.account->createMailbox("Kept/Below", SpecialUse::none)));
  f.append("Subject: below\r\n\r\nText.\r\n", {}, "Kept/Below");
  REQUIRE(f.loop.runUntilDone(f.account->expunge(f.inbox().id, UidSet::of({Uid{2}, Uid{2}}), Account::Expunge::regardless)));
  f.close();
  Sample::keep(f.scratch.path() + "/account", "store-1");
  for (const char* const name : {"index.mdb-lock", "maildrop.lock"}) std::filesystem::remove(Sample::kept("store-1") / name);
}

TEST_CASE("an account of version 1 opens, with its index and made anew from its log") {
  for (const bool withIndex : {true, false}) {
    LocalFixture f;
    lay(f, "store-1");
    if (!withIndex) std::filesystem::remove(f.scratch.path() + "/account/index.mdb");
    f.reopen();
    checkSample(f);
    f.append("Subject: new\r\n\r\nText.\r\n");
    CHECK(f.inbox().messages == 3);
  }
}

TEST_CASE("an account of a later version is refused with the reason, and its log stays as it is") {
  LocalFixture f;
  lay(f, "store-1");
  f.reopen();  // the sample's index is made anew when it lacks a table
  f.close();
  const std::string folder = f.scratch.path() + "/account";
  relabel(folder + "/log", local::kFormatVersion + 1);
  SECTION("the index is lost: none is made of what cannot be understood") {
    std::filesystem::remove(folder + "/index.mdb");
    const auto refused = f.openAnew();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == Error::Kind::permanent);
    CHECK(refused.error().detail.find("newer version") != std::string::npos);
    CHECK_FALSE(f.openAnew());
  }
  SECTION("the index is there: nothing is appended") {
    const auto opened = f.openAnew();
    REQUIRE(opened);
    std::vector<NewMessage> messages;
    messages.push_back(Fixture::message("Subject: new\r\n\r\nText.\r\n"));
    const auto appended = f.loop.runUntilDone(f.account->append(std::move(messages)));
    REQUIRE_FALSE(appended);
    CHECK(appended.error().detail.find("newer version") != std::string::npos);
  }
}

}  // namespace ostler::store::test
