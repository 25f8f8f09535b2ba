#include "libmailcore/store/exchange.h"

#include <filesystem>
#include <fstream>

#include "tests/unit/libmailcore/store/store_suite.h"

namespace ostler::store::test {
namespace {

std::vector<ForeignMessage> read(Result<void> (*reader)(const std::string&, const EachForeign&), const std::string& path) {
  std::vector<ForeignMessage> all;
  const Result<void> done = reader(path, [&](ForeignMessage message) -> Result<void> {
    all.push_back(std::move(message));
    return {};
  });
  REQUIRE(done);
  return all;
}

TEST_CASE("a Maildir is read with flags and Maildir++ folders") {
  const ScratchFolder scratch;
  for (const char* folder : {"cur", "new", "tmp", ".Sent/cur", ".a.b/new"}) std::filesystem::create_directories(scratch.path() + "/" + folder);
  std::ofstream(scratch.path() + "/cur/1.x:2,FS") << "Subject: one\n\nbody\n";
  std::ofstream(scratch.path() + "/new/2.x") << "Subject: two\r\n\r\nbody\r\n";
  std::ofstream(scratch.path() + "/.Sent/cur/3.x:2,") << "";
  std::ofstream(scratch.path() + "/.a.b/new/4.x") << "x\n";
  const auto all = read(readMaildir, scratch.path());
  REQUIRE(all.size() == 4);
  CHECK(all[0].content == "Subject: one\r\n\r\nbody\r\n");
  CHECK(all[0].flags == (Flags::kFlagged | Flags::kSeen));
  CHECK(all[1].content == "Subject: two\r\n\r\nbody\r\n");
  CHECK(all[2].folder == "Sent");
  CHECK(all[3].folder == "a/b");
  CHECK_FALSE(readMaildir(scratch.path() + "/new", {}));
}

TEST_CASE("what is written to an mbox is read back, From lines in bodies included") {
  const ScratchFolder scratch;
  const std::string first = "Subject: a\r\n\r\nFrom me to you\r\n>From quoted\r\n\r\nFrom a paragraph\r\nend\r\n";
  const std::string second = "Subject: b\r\n\r\n";
  const std::string path = scratch.path() + "/mbox";
  std::ofstream(path) << mboxPiece(first, 1'790'000'000) << mboxPiece(second, 0);
  const auto all = read(readMbox, path);
  REQUIRE(all.size() == 2);
  CHECK(all[0].content == first);
  CHECK(all[0].date == 1'790'000'000);
  CHECK(all[1].content == second);
}

TEST_CASE("a file that is no mbox is refused") {
  const ScratchFolder scratch;
  std::ofstream(scratch.path() + "/text") << "Hello\n";
  CHECK_FALSE(readMbox(scratch.path() + "/text", [](ForeignMessage) { return Result<void>(); }));
}

TEST_CASE("flags are letters of a Maildir name, in order") {
  CHECK(maildirInfo(Flags::kSeen | Flags::kAnswered | Flags::kDraft) == ":2,DRS");
  CHECK(maildirFlags("1234.host:2,DRS") == (Flags::kSeen | Flags::kAnswered | Flags::kDraft));
  CHECK(maildirFlags("S1234.host") == 0);
}

}  // namespace
}  // namespace ostler::store::test
