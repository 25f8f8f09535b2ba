#include "queued/programs/runner.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "libmailcore/base/ascii.h"
#include "libmailcore/ipc/envelope.h"

using namespace ostler;
using namespace ostler::programs;
using namespace std::chrono_literals;

namespace {

/// As root: nobody; else ourselves.
Job jobOf(const std::string& command, const std::string& content = "Subject: x\r\n\r\nhello\r\n") {
  UniqueFd stored(::memfd_create("stored", MFD_CLOEXEC));
  const std::string octets = "before " + content;
  REQUIRE(::write(stored.get(), octets.data(), octets.size()) == static_cast<ssize_t>(octets.size()));
  auto input = inputOf("Return-Path: <a@b.test>\r\n", stored.get(), 7, content.size());
  REQUIRE(input);
  const auto user = userFor("nobody", "");
  REQUIRE(user);
  return Job{command, *user, "a@b.test", "robot@example.test", std::move(*input)};
}

Ended ended(const std::string& command, std::chrono::milliseconds timeout = 10s) {
  const auto result = run(jobOf(command), timeout);
  REQUIRE(result);
  return *result;
}

}  // namespace

TEST_CASE("a program reads the message with LF line ends, and knows sender and recipient") {
  CHECK(ended("cat; echo $SENDER $RECIPIENT").output == "Return-Path: <a@b.test>\nSubject: x\n\nhello\na@b.test robot@example.test\n");
}

TEST_CASE("a CR that ends no line reaches the program, wherever the content was cut into pieces") {
  CHECK(ended("cat").output.ends_with("hello\n"));
  for (const std::size_t before : {0UL, 256UL * 1024 - 1, 256UL * 1024, 512UL * 1024 - 1}) {
    INFO(before);
    const std::string head(before, 'x');
    const auto result = run(jobOf("tail -c 13 | od -An -c | tr -d ' '", head + "\r\r\na\rb\r\nc\r\n1234\r"), 10s);
    REQUIRE(result);
    CHECK(result->output == "\\r\\na\\rb\\nc\\n1234\\r\n");
  }
}

TEST_CASE("the end of a program is a reply by sysexits(3)") {
  struct Row {
    const char* command;
    unsigned code;
    const char* enhanced;
  };
  for (const Row& row : {Row{"exit 0", 250, "2.0.0"}, Row{"exit 67", 550, "5.1.1"}, Row{"exit 75", 451, "4.3.0"}, Row{"exit 77", 550, "5.7.0"},
                         Row{"exit 1", 550, "5.3.0"}, Row{"no-such-program", 451, "4.3.5"}, Row{"kill -9 $$", 451, "4.3.0"}}) {
    INFO(row.command);
    const ipc::SmtpReply reply = replyFor(ended(row.command));
    CHECK(reply.code == row.code);
    CHECK(reply.enhanced == row.enhanced);
  }
  CHECK(replyFor(ended("echo no such room >&2; exit 67")).text.find("no such room") != std::string::npos);
}

TEST_CASE("a program that takes too long is ended with what it started, and its message tried again") {
  const auto began = std::chrono::steady_clock::now();
  const Ended late = ended("trap '' TERM; sleep 600 & sleep 600", 200ms);
  CHECK(late.timedOut);
  CHECK(replyFor(late).code == 451);
  CHECK(std::chrono::steady_clock::now() - began < 10s);
}

TEST_CASE("a program that takes too long may end in order, and what it says last is told") {
  const Ended late = ended("trap 'echo put away; exit 0' TERM; sleep 600 & wait", 200ms);
  CHECK(late.timedOut);
  CHECK(replyFor(late).code == 451);
  CHECK(replyFor(late).text.find("put away") != std::string::npos);
}

TEST_CASE("a program that leaves something running behind does not hold up its message") {
  const auto began = std::chrono::steady_clock::now();
  CHECK(replyFor(ended("sleep 20 & exit 0")).code == 250);
  CHECK(std::chrono::steady_clock::now() - began < 10s);
}

TEST_CASE("a program's output is kept up to a bound, however much it writes") {
  CHECK(ended("head -c 10000000 /dev/zero | tr '\\0' x").output.size() <= 1000);
}

TEST_CASE("a program has none of our descriptors, rights or privileges") {
  const UniqueFd secret(::open("/etc/passwd", O_RDONLY));
  const std::string said = ended("ls /proc/self/fd | wc -l; id -u; grep NoNewPrivs /proc/self/status").output;
  const auto lines = split(said, '\n');
  REQUIRE(lines.size() >= 3);
  CHECK(trim(lines[0]) == "4");  // 0, 1, 2 and the folder that ls reads
  CHECK(trim(lines[1]) != "0");
  CHECK(lines[2].ends_with("1"));
}

TEST_CASE("programs are not run as root, nor as nobody knows whom") {
  if (::geteuid() != 0) return;  // who is not root runs all as himself
  CHECK_FALSE(userFor("root", ""));
  CHECK_FALSE(userFor("", "root"));
  CHECK_FALSE(userFor("no-such-user-here", ""));
  CHECK(userFor("", "nobody")->name == "nobody");
}
