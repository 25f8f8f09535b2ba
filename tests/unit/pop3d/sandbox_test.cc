// Tried from inside: what a pop3d that was broken into can reach.
#include "pop3d/sandbox.h"

#include <sys/socket.h>

#include "tests/unit/support/sandbox.h"

namespace ostler::pop3 {
namespace {

using namespace ostler::test;

bool succeeds(const Installation& at, const Attempt& attempt) {
  return succeedsInside([&] { return confineProcess(at.config, at.at("etc/ostler.yaml")); }, attempt);
}
bool workerSucceeds(const Installation& at, const Attempt& attempt) {
  return succeedsInThread([&] { return confineProcess(at.config, at.at("etc/ostler.yaml")); }, confineWorker, attempt);
}

TEST_CASE("a pop3d that was broken into reads neither directory nor queue, nor anything of the machine") {
  const Installation at;
  for (const char* file : {"data/directory/data.mdb", "data/spool/queue/segment"}) {
    CHECK_FALSE(succeeds(at, [&] { return canRead(at.at(file)); }));
  }
  CHECK_FALSE(succeeds(at, [] { return canRead("/etc/passwd"); }));
  CHECK(succeeds(at, [&] { return canRead(at.at("data/accounts/a/log/1")); }));
  CHECK(succeeds(at, [&] { return canRead(at.at("etc/ostler.yaml")); }));
}

TEST_CASE("a worker thread of pop3d opens no file, makes no socket but a Unix one and starts no program") {
  const Installation at;
  CHECK_FALSE(succeeds(at, canExecute));
  if (!kSystemCallsConfined) return;
  CHECK_FALSE(workerSucceeds(at, [&] { return canRead(at.at("data/accounts/a/log/1")); }));
  CHECK_FALSE(workerSucceeds(at, [] { return ::socket(AF_INET, SOCK_STREAM, 0) >= 0; }));
  CHECK(workerSucceeds(at, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }));
  CHECK_FALSE(succeeds(at, canFork));
}

}  // namespace
}  // namespace ostler::pop3
