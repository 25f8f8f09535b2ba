#include "queued/health/probe.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include <catch2/catch.hpp>

#include "libmailcore/base/unique_fd.h"

using namespace ostler;

namespace {

/// A folder that goes with its content, and in it a socket that somebody listens on.
struct ListeningSocket {
  ListeningSocket() {
    char name[] = "/tmp/ostler-probe-XXXXXX";
    folder = ::mkdtemp(name);
    ::chmod(folder.c_str(), 0755);
    path = folder + "/smtpd.sock";
    fd = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(fd.get(), 5) == 0);
  }
  ~ListeningSocket() {
    ::unlink(path.c_str());
    ::rmdir(folder.c_str());
  }
  [[nodiscard]] health::Probe probe() const {
    health::Probe out;
    out.service = "smtpd";
    out.address.unixPath = path;
    out.greets = false;
    return out;
  }
  std::string folder;
  std::string path;
  UniqueFd fd;
};

bool answersToNobody(const health::Probe& probe) {
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t kNobody = 65'534;
    if (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) ::_exit(2);
    ::_exit(health::answers(probe) ? 0 : 1);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace

TEST_CASE("a socket of the suite that is closed to who asks is not said to be down") {
  const ListeningSocket socket;
  ::chmod(socket.path.c_str(), 0);
  CHECK(answersToNobody(socket.probe()));
}

TEST_CASE("a socket that nobody listens on, or that is not there, is down") {
  ListeningSocket socket;
  socket.fd.reset();
  CHECK_FALSE(health::answers(socket.probe()));
  ::unlink(socket.path.c_str());
  CHECK_FALSE(health::answers(socket.probe()));
}
