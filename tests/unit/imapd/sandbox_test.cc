// Tried from inside: what an imapd that was broken into can reach. Each case runs in a process of its own: there is no
// way back.
#include "imapd/sandbox.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "libmailcore/base/unique_fd.h"

namespace ostler::imap {
namespace {

namespace fs = std::filesystem;

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSystemCallsConfined = false;
#else
constexpr bool kSystemCallsConfined = true;
#endif

struct Installation {
  Installation() {
    std::string name = (fs::temp_directory_path() / "ostler-imapd-XXXXXX").string();
    root = ::mkdtemp(name.data());
    for (const char* folder :
         {"etc", "data/accounts/a/log", "data/directory", "data/spool/queue", "data/spool/pickup", "run"}) {
      fs::create_directories(root / folder);
    }
    for (const char* file : {"etc/ostler.yaml", "data/accounts/a/log/1", "data/directory/data.mdb",
                             "data/spool/queue/segment", "data/spool/pickup/mail"}) {
      std::ofstream(root / file) << "octets";
    }
    config.dataDir = (root / "data").string();
    config.runDir = (root / "run").string();
  }
  ~Installation() { fs::remove_all(root); }
  [[nodiscard]] std::string at(const char* path) const { return (root / path).string(); }
  fs::path root;
  config::Config config;
};

enum class Where { mainThread, worker };
/// Runs the attempt in a confined child. True: it got what it tried for.
bool succeeds(const Installation& at, Where where, const std::function<bool()>& attempt) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (!confineProcess(at.config, at.at("etc/ostler.yaml"))) ::_exit(2);
    if (where == Where::mainThread) ::_exit(attempt() ? 1 : 0);
    std::thread([&attempt] {
      if (!confineWorker()) ::_exit(2);
      ::_exit(attempt() ? 1 : 0);
    }).join();
    ::_exit(2);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) != 2);
  return WEXITSTATUS(status) == 1;
}

bool canRead(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)).get() >= 0;
}

TEST_CASE("imapd's sandbox: spool and directory cannot be read") {
  const Installation at;
  for (const char* file : {"data/directory/data.mdb", "data/spool/queue/segment", "data/spool/pickup/mail"}) {
    CAPTURE(file);
    CHECK_FALSE(succeeds(at, Where::mainThread, [&] { return canRead(at.at(file)); }));
  }
  CHECK_FALSE(succeeds(at, Where::mainThread, [] { return canRead("/etc/passwd"); }));
}

TEST_CASE("imapd's sandbox: the store's threads reach accounts; a reload reads its configuration") {
  const Installation at;
  CHECK(succeeds(at, Where::mainThread, [&] { return canRead(at.at("data/accounts/a/log/1")); }));
  CHECK(succeeds(at, Where::mainThread, [&] { return canRead(at.at("etc/ostler.yaml")); }));
}

TEST_CASE(
    "imapd's sandbox: a worker thread opens no file and makes no socket but a Unix one; nothing starts a program") {
  if (!kSystemCallsConfined) return;
  const Installation at;
  CHECK_FALSE(succeeds(at, Where::worker, [&] { return canRead(at.at("data/accounts/a/log/1")); }));
  CHECK_FALSE(succeeds(at, Where::worker, [] { return ::socket(AF_INET, SOCK_STREAM, 0) >= 0; }));
  CHECK(succeeds(at, Where::worker, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }));
  CHECK_FALSE(succeeds(at, Where::mainThread, [] { return ::fork() >= 0; }));
}

}  // namespace
}  // namespace ostler::imap
