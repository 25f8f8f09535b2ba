// Tried from inside: what a role programs that was broken into can reach, and what it must be able to do.
#include "queued/programs/sandbox.h"

#include <pwd.h>
#include <sys/prctl.h>

#include "tests/unit/support/sandbox.h"

namespace ostler::programs {
namespace {

using namespace ostler::test;

TEST_CASE("role programs, though root, reads nobody else's files and gains nothing back, but becomes the users whose programs it runs") {
  if (::geteuid() != 0) return skip("only root has something to give up");
  const Installation here;
  const passwd* const nobody = ::getpwnam("nobody");
  REQUIRE(nobody != nullptr);
  const uid_t uid = nobody->pw_uid;
  const std::string theirs = here.at("data/accounts/a/log/1");
  std::filesystem::permissions(theirs, std::filesystem::perms::owner_read);
  REQUIRE(::chown(theirs.c_str(), uid, nobody->pw_gid) == 0);
  const auto can = [](const Attempt& attempt) { return succeedsInside([] { return confine(); }, attempt); };
  CHECK_FALSE(can([&] { return static_cast<bool>(UniqueFd(::open(theirs.c_str(), O_RDONLY | O_CLOEXEC))); }));
  CHECK_FALSE(can([&] { return ::chown(theirs.c_str(), 0, 0) == 0; }));
  CHECK_FALSE(can([&] { return ::prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0; }));
  CHECK(can([&] { return ::setuid(uid) == 0 && ::setuid(0) != 0; }));
  CHECK(can([&] {
    const pid_t child = ::fork();
    if (child == 0) {
      ::execl("/bin/true", "true", nullptr);
      ::_exit(1);
    }
    int status = 1;
    return ::waitpid(child, &status, 0) == child && status == 0;
  }));
}

}  // namespace
}  // namespace ostler::programs
