// Tried from inside: what an imapd or pop3d that was broken into can reach.
#include "libmailcore/daemon/mailbox_sandbox.h"

#include <sys/socket.h>

#include "tests/unit/support/sandbox.h"

namespace ostler::daemon {
namespace {

using namespace ostler::test;

bool succeeds(const Installation& at, const Attempt& attempt) {
  return succeedsInside([&] { return confineMailboxProcess(at.config, at.at("etc/ostler.yaml")); }, attempt);
}
bool workerSucceeds(const Installation& at, const Attempt& attempt) {
  return succeedsInThread([&] { return confineMailboxProcess(at.config, at.at("etc/ostler.yaml")); }, confineMailboxWorker, attempt);
}

TEST_CASE("a mailbox daemon's sandbox: spool and directory cannot be read") {
  if (!filesConfined()) return skip("this kernel has no Landlock");
  const Installation at;
  for (const char* file : {"data/directory/data.mdb", "data/spool/queue/segment", "data/spool/pickup/mail"}) {
    CAPTURE(file);
    CHECK_FALSE(succeeds(at, [&] { return canRead(at.at(file)); }));
  }
  CHECK_FALSE(succeeds(at, [] { return canRead("/etc/passwd"); }));
}

TEST_CASE("a mailbox daemon's sandbox: the store's threads reach accounts; a reload reads its configuration") {
  if (!filesConfined()) return skip("this kernel has no Landlock");
  const Installation at;
  CHECK(succeeds(at, [&] { return canRead(at.at("data/accounts/a/log/1")); }));
  CHECK(succeeds(at, [&] { return canRead(at.at("etc/ostler.yaml")); }));
}

TEST_CASE("a mailbox daemon's sandbox: one that starts first reaches the accounts that are made later") {
  if (!filesConfined()) return skip("this kernel has no Landlock");
  const Installation at;
  std::filesystem::remove_all(at.at("data"));
  std::filesystem::remove_all(at.at("run/notify"));
  CHECK(succeeds(at, [&] {
    std::filesystem::create_directories(at.at("data/accounts/b"));
    return canMake(at.at("data/accounts/b/index")) && canMake(at.at("run/notify/b"));
  }));
}

TEST_CASE(
    "a mailbox daemon's sandbox: a worker thread opens no file and makes no socket but a Unix one; nothing starts a program") {
  if (!filesConfined()) return skip("this kernel has no Landlock");
  const Installation at;
  CHECK_FALSE(succeeds(at, canExecute));
  if (!kSystemCallsConfined) return skip("system calls are not confined in a sanitizer build");
  CHECK_FALSE(workerSucceeds(at, [&] { return canRead(at.at("data/accounts/a/log/1")); }));
  CHECK_FALSE(workerSucceeds(at, [] { return ::socket(AF_INET, SOCK_STREAM, 0) >= 0; }));
  CHECK(workerSucceeds(at, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }));
  CHECK_FALSE(succeeds(at, canFork));
}

}  // namespace
}  // namespace ostler::daemon
