// From inside: what role spool gave up fails, what it needs works. In a child, since nothing of it comes back.
#include "queued/spool/sandbox.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "queued/spool/role.h"

using namespace ostler;

namespace {

/// 0, or which of the checks failed.
int insideOf(const config::Config& config, const std::string& outside) {
  if (!spool::confine(config, config.dataDir + "/ostler.yaml")) return 1;
  if (::socket(AF_INET, SOCK_STREAM, 0) >= 0 || ::socket(AF_INET6, SOCK_DGRAM, 0) >= 0) return 2;
  if (::socket(AF_UNIX, SOCK_STREAM, 0) < 0) return 3;
  char program[] = "/bin/true";
  char* const arguments[] = {program, nullptr};
  if (::execv(program, arguments) == 0) return 4;
  if (::fork() == 0) ::_exit(0);  // forbidden: no child comes to be, and the parent gets -1
  if (::open((config.queueDir() + "/x").c_str(), O_WRONLY | O_CREAT, 0600) < 0) return 5;
  if (::open(outside.c_str(), O_RDONLY) >= 0) return 6;
  return 0;
}

}  // namespace

TEST_CASE("inside its sandbox the spool reaches its own folders and nothing else") {
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  WARN("not under a sanitizer, whose runtime needs system calls that the sandbox forbids");
  return;
#endif
  char pattern[] = "/tmp/ostler-sandbox-XXXXXX";
  const std::string root = ::mkdtemp(pattern);
  config::Config config;
  config.dataDir = root + "/data";
  config.runDir = root + "/run";
  REQUIRE(spool::Role::makeFolders(config));
  const std::string outside = root + "/outside";
  REQUIRE(::close(::open(outside.c_str(), O_WRONLY | O_CREAT, 0600)) == 0);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(insideOf(config, outside));
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  const int result = WEXITSTATUS(status);
  // A kernel without landlock leaves files to the user's rights alone.
  const bool isAsItShould = result == 0 || result == 6;
  CHECK(isAsItShould);
  std::filesystem::remove_all(root);
}
