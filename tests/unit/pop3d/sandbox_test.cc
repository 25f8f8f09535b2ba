// Tried from inside: what a pop3d that was broken into can reach. Each attempt runs in a process of its own: there is no way back.
#include "pop3d/sandbox.h"

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

using namespace ostler;

namespace {

namespace fs = std::filesystem;

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSystemCallsConfined = false;  // confine.cc leaves them to the sanitizers' runtimes
#else
constexpr bool kSystemCallsConfined = true;
#endif

struct Installation {
  Installation() {
    std::string name = (fs::temp_directory_path() / "ostler-pop3-box-XXXXXX").string();
    root = ::mkdtemp(name.data());
    for (const char* folder : {"etc", "data/accounts/a", "data/directory", "data/spool/queue", "run"}) fs::create_directories(root / folder);
    for (const char* file : {"etc/ostler.yaml", "data/accounts/a/log", "data/directory/data.mdb", "data/spool/queue/segment"}) {
      std::ofstream(root / file) << "octets";
    }
    config.dataDir = (root / "data").string();
    config.runDir = (root / "run").string();
  }
  ~Installation() { fs::remove_all(root); }
  fs::path root;
  config::Config config;
};

enum class Where { mainThread, worker };

/// True: the attempt got what it tried for.
bool succeeds(const Installation& at, Where where, const std::function<bool()>& attempt) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (!pop3::confineProcess(at.config, (at.root / "etc/ostler.yaml").string())) ::_exit(2);
    if (where == Where::mainThread) ::_exit(attempt() ? 1 : 0);
    std::thread([&attempt] {
      if (!pop3::confineWorker()) ::_exit(2);
      ::_exit(attempt() ? 1 : 0);
    }).join();
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) != 2);
  return WEXITSTATUS(status) == 1;
}

bool canRead(const fs::path& path) { return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)).get() >= 0; }

}  // namespace

TEST_CASE("a pop3d that was broken into reads neither directory nor queue, nor anything of the machine") {
  const Installation at;
  for (const char* file : {"data/directory/data.mdb", "data/spool/queue/segment"}) {
    CHECK_FALSE(succeeds(at, Where::mainThread, [&] { return canRead(at.root / file); }));
  }
  CHECK_FALSE(succeeds(at, Where::mainThread, [] { return canRead("/etc/passwd"); }));
  CHECK(succeeds(at, Where::mainThread, [&] { return canRead(at.root / "data/accounts/a/log"); }));
  CHECK(succeeds(at, Where::mainThread, [&] { return canRead(at.root / "etc/ostler.yaml"); }));
}

TEST_CASE("a worker thread of pop3d opens no file, makes no socket but a Unix one and starts no program") {
  if (!kSystemCallsConfined) return;
  const Installation at;
  CHECK_FALSE(succeeds(at, Where::worker, [&] { return canRead(at.root / "data/accounts/a/log"); }));
  CHECK_FALSE(succeeds(at, Where::worker, [] { return ::socket(AF_INET, SOCK_STREAM, 0) >= 0; }));
  CHECK(succeeds(at, Where::worker, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }));
  CHECK_FALSE(succeeds(at, Where::mainThread, [] { return ::fork() >= 0; }));
  CHECK_FALSE(succeeds(at, Where::mainThread, [] { return ::execl("/bin/true", "true", nullptr) == 0; }));
}
