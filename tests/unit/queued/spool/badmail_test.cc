#include "queued/spool/badmail.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/unit/support/temporary_folder.h"

using namespace ostler;
using namespace ostler::spool;

namespace {

struct BadmailFolder : test::TemporaryFolder {
  void put(const std::string& name, const std::string& reason) const { REQUIRE(writeBadmail(path(), name, reason, {"Subject: x\r\n\r\n"})); }
};

}  // namespace

TEST_CASE("badmail is listed with its reasons, shown, and moved without them") {
  const BadmailFolder folder;
  const test::TemporaryFolder pickup;
  folder.put("one.eml", "550 no such user\nmore");
  const auto entries = listBadmail({folder.path()});
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].name == "one.eml");
  CHECK(entries[0].reason == "550 no such user");
  CHECK(readBadmail(folder.path(), "one.eml", 100).value().find("Subject: x") != std::string::npos);
  CHECK_FALSE(readBadmail(folder.path(), "../one.eml", 100));
  CHECK_FALSE(moveBadmail(folder.path(), "two.eml", pickup.path()));
  REQUIRE(moveBadmail(folder.path(), "one.eml", pickup.path()));
  CHECK(std::filesystem::exists(pickup.path() + "/one.eml"));
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a dropped file that is called .txt is a message all the same") {
  const BadmailFolder folder;
  folder.put("note.txt", "no header");
  REQUIRE(listBadmail({folder.path()}).size() == 1);
  CHECK(listBadmail({folder.path()})[0].name == "note.txt");
}

TEST_CASE("badmail goes by age, and the oldest by size") {
  const BadmailFolder folder;
  folder.put("old.eml", "a");
  folder.put("new.eml", "b");
  const auto now = std::filesystem::file_time_type::clock::now();
  std::filesystem::last_write_time(folder.path() + "/old.eml", now - std::chrono::hours(48));
  CHECK(limitBadmail(folder.path(), std::chrono::system_clock::now(), std::chrono::hours(72), ByteCount{}) == 0);
  CHECK(limitBadmail(folder.path(), std::chrono::system_clock::now(), std::chrono::seconds(0), ByteCount{15}) == 1);
  REQUIRE(listBadmail({folder.path()}).size() == 1);
  CHECK(listBadmail({folder.path()})[0].name == "new.eml");
  CHECK(purgeBadmail(folder.path(), {"new.eml", "../x"}, false, {}) == 1);
  CHECK(listBadmail({folder.path()}).empty());
}

TEST_CASE("the envelope in front is the one pickup reads") {
  MessageRecord record;
  record.reversePath = "a@b.test";
  record.recipients.resize(2);
  record.recipients[1].recipient.forwardPath = "c@d.test";
  CHECK(envelopeFields(record, {1}) == "X-Sender: <a@b.test>\r\nX-Receiver: <c@d.test>\r\n");
}
