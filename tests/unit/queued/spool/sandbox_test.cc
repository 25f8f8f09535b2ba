// Tried from inside: what role spool gave up fails, what it needs works.
#include "queued/spool/sandbox.h"

#include <sys/socket.h>

#include "tests/unit/support/sandbox.h"

namespace ostler::spool {
namespace {

using namespace ostler::test;

bool succeeds(const Installation& at, const Attempt& attempt) {
  return succeedsInside([&] { return confine(at.config, at.at("etc/ostler.yaml")); }, attempt);
}

TEST_CASE("inside its sandbox the spool reaches its own folders and nothing else") {
  if (!filesConfined()) return skip("this kernel has no Landlock");
  const Installation here;
  for (const char* own : {"data/spool/queue/new", "data/spool/pickup/new", "data/spool/drop/new",
                          "data/spool/badmail/new", "data/accounts/a/log/2", "log/new"}) {
    INFO(own);
    CHECK(succeeds(here, [&] { return canMake(here.at(own)); }));
  }
  CHECK_FALSE(succeeds(here, [&] { return canRead(here.at("data/directory/data.mdb")); }));
  CHECK_FALSE(succeeds(here, [] { return canRead("/etc/fstab"); }));
  CHECK_FALSE(succeeds(here, [&] { return canMake(here.at("etc/new")); }));
}

TEST_CASE("inside its sandbox the spool starts no program and speaks to no network") {
  if (!filesConfined()) return skip("this kernel has no Landlock");
  const Installation here;
  CHECK_FALSE(succeeds(here, canExecute));
  CHECK(succeeds(here, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }));
  if (!kSystemCallsConfined) return skip("system calls are not confined in a sanitizer build");
  CHECK_FALSE(succeeds(here, canFork));
  CHECK_FALSE(succeeds(here, [] { return ::socket(AF_INET, SOCK_STREAM, 0) >= 0; }));
  CHECK_FALSE(succeeds(here, [] { return ::socket(AF_INET6, SOCK_DGRAM, 0) >= 0; }));
}

}  // namespace
}  // namespace ostler::spool
