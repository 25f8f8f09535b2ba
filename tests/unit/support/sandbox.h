// sandbox.h - what a process of ours that was broken into can reach, tried from inside: each attempt in a process of
// its own, since there is no way back.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "libmailcore/base/unique_fd.h"
#include "libmailcore/config/config.h"
#include "tests/unit/support/skip.h"

namespace ostler::test {

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSystemCallsConfined = false;  // confine.cc leaves them to the sanitizers' runtimes
#else
constexpr bool kSystemCallsConfined = true;
#endif

/// Does this kernel have Landlock, without which no process gives up files?
inline bool filesConfined() { return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) >= 1; }

/// A root with one file in each place that somebody may want to read.
struct Installation {
  Installation() {
    std::string name = (std::filesystem::temp_directory_path() / "ostler-sandbox-XXXXXX").string();
    root = ::mkdtemp(name.data());
    for (const char* file : {"etc/ostler.yaml", "etc/conf.d/own.yaml", "data/accounts/a/log/1",
                             "data/directory/data.mdb", "data/spool/queue/segment", "data/spool/pickup/mail",
                             "data/spool/drop/mail", "data/spool/badmail/mail", "run/here", "log/here"}) {
      std::filesystem::create_directories((root / file).parent_path());
      std::ofstream(root / file) << "octets";
    }
    config.dataDir = at("data");
    config.runDir = at("run");
    config.log.target = config::LogTarget::file;
    config.log.file = at("log/ostler.log");
  }
  Installation(const Installation&) = delete;
  Installation& operator=(const Installation&) = delete;
  ~Installation() { std::filesystem::remove_all(root); }
  [[nodiscard]] std::string at(const char* path) const { return (root / path).string(); }

  std::filesystem::path root;
  config::Config config;
};

using Confine = std::function<Result<void>()>;
using Attempt = std::function<bool()>;

/// True: the attempt got what it tried for in a process confined by `confine`.
inline bool succeedsInside(const Confine& confine, const Attempt& attempt) {
  constexpr int kNo = 0;
  constexpr int kYes = 1;
  constexpr int kNotConfined = 2;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const Result<void> confined = confine();
    if (!confined) std::fprintf(stderr, "%s\n", confined.error().detail.c_str());
    ::_exit(!confined ? kNotConfined : attempt() ? kYes : kNo);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) != kNotConfined);
  return WEXITSTATUS(status) == kYes;
}

/// The same on a thread of that process which `confineThread` confines further.
inline bool succeedsInThread(const Confine& confine, const Confine& confineThread, const Attempt& attempt) {
  return succeedsInside(confine, [&] {
    bool confined = false;
    bool succeeded = false;
    std::thread([&] {
      confined = confineThread().has_value();
      succeeded = confined && attempt();
    }).join();
    if (!confined) ::_exit(2);
    return succeeded;
  });
}

inline bool canRead(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)).get() >= 0;
}
inline bool canMake(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)).get() >= 0;
}
inline bool canFork() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  return child > 0;
}
/// /bin/false, should it run, ends with status 1, which is what succeedsInside calls success.
inline bool canExecute() {
  char program[] = "/bin/false";
  char* const arguments[] = {program, nullptr};
  return ::execv(program, arguments) == 0;
}

}  // namespace ostler::test
