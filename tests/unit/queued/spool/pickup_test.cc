// What a local user may put into pickup/ beside messages: nothing of it blocks, is read for others, or is tried without an end.
#include <catch2/catch.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <csignal>

#include "libmailcore/log/log.h"
#include "tests/unit/queued/spool/spool_fixture.h"

using namespace ostler;
using namespace ostler::spool;

namespace {

const std::string kFile = std::string("X-Sender: <s@elsewhere.test>\r\nX-Receiver: alice@example.test\r\n") + kText;

/// A message dropped later arrives: what lies beside it holds up nobody.
bool flows(SpoolFixture& spool) {
  const std::size_t before = spool.mailboxOf("alice").size();
  spool.drop("flows.eml", kFile);
  return spool.waitFor([&] { return spool.mailboxOf("alice").size() > before; });
}

}  // namespace

TEST_CASE("what is no file stays in pickup, is not opened, and holds up nobody") {
  SpoolFixture spool;
  const std::filesystem::path folder = spool.config->pickupDir();
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0666) == 0);
  std::filesystem::create_directory(folder / "directory");
  std::filesystem::create_symlink("/etc/passwd", folder / "link");
  std::filesystem::create_symlink("/nowhere", folder / "dangling");
  std::filesystem::create_directory_symlink("/", folder / "root");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (folder / "socket").string().copy(address.sun_path, sizeof address.sun_path - 1);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  spool.start();
  CHECK(flows(spool));
  CHECK(flows(spool));
  for (const char* name : {"fifo", "directory", "link", "dangling", "root", "socket"}) {
    INFO(name);
    CHECK(std::filesystem::exists(std::filesystem::symlink_status(folder / name)));
  }
  CHECK(std::filesystem::is_empty(folder / ".taken"));
  CHECK(spool.shows({"badmail", "list"}, "There is no badmail"));
}

TEST_CASE("names that a terminal or a log cannot take are tamed, and their messages arrive") {
  SpoolFixture spool;
  spool.start();
  const std::string names[] = {"two\nlines", "bell\a\x1b[31m", std::string(255, 'n'), "\xff\xfe not UTF-8", "quote\"s and \\", "-rf *"};
  for (const std::string& name : names) spool.drop(name, kFile);
  spool.drop("bad\nname", "no message\n");
  REQUIRE(spool.waitFor([&] { return spool.mailboxOf("alice").size() == std::size(names); }));
  REQUIRE(spool.waitFor([&] { return spool.shows({"badmail", "list"}, "-bad_name "); }));
}

TEST_CASE("what is in .taken and no file any more is thrown away, for somebody put it under the name of one") {
  SpoolFixture spool;
  const std::filesystem::path taken = spool.config->pickupDir() + "/.taken";
  std::filesystem::create_symlink("/etc/passwd", taken / "01m7v9n3f4d0p5c9yq8w6x2k1a-link");
  REQUIRE(::mkfifo((taken / "01m7v9n3f4d0p5c9yq8w6x2k1b-fifo").c_str(), 0666) == 0);
  const std::string others = spool.root() + "/others";
  std::ofstream(others) << kFile;
  std::filesystem::create_hard_link(others, taken / "01m7v9n3f4d0p5c9yq8w6x2k1c-hard");
  spool.start();
  REQUIRE(spool.waitFor([&] { return std::filesystem::is_empty(taken); }));
  CHECK(flows(spool));
  CHECK(spool.mailboxOf("alice").size() == 1);
  CHECK(std::filesystem::exists(others));
  CHECK(spool.shows({"badmail", "list"}, "There is no badmail"));
}

TEST_CASE("of a badmail folder that has more than fits into one answer all is listed") {
  SpoolFixture spool;
  spool.start();
  const std::string reason(250, 'r');
  for (int n = 0; n < 3000; ++n) {
    const std::string path = spool.config->badmailDir() + "/file" + std::to_string(n) + ".eml";
    std::ofstream(path) << kFile;
    std::ofstream(path + ".txt") << reason << "\n";
  }
  const std::string list = spool.askAll({"badmail", "list"});
  std::size_t count = 0;
  for (std::size_t at = list.find(".eml "); at != std::string::npos; at = list.find(".eml ", at + 1)) ++count;
  CHECK(count == 3000);
}

TEST_CASE("a file that is opened for writing at the moment it is looked at does not end the spool") {
  SpoolFixture spool;
  spool.start();
  CHECK(::raise(SIGIO) == 0);  // what the kernel sends when a lease is broken; it would end this process
  const std::string path = spool.config->pickupDir() + "/again.eml";
  for (int n = 0; n < 200; ++n) {
    std::ofstream(path) << kFile;
    const UniqueFd writer(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    spool.loop().runUntilDone(spool.loop().sleepUntil(Deadline::after(std::chrono::microseconds(200))));
  }
  CHECK(flows(spool));
}
