#include "libmailcore/daemon/environment_file.h"

#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

using ostler::daemon::EnvironmentFile;

namespace {

std::string contentOf(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// While it lives no file can grow, as on a full disk.
struct FullDisk {
  FullDisk() {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before);
    rlimit none = before;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before); }
  rlimit before{};
};

}  // namespace

TEST_CASE("environment file: on a full disk it stays as it was, and is written when there is room again") {
  char pattern[] = "/tmp/ostler-environment-XXXXXX";
  const std::string folder = ::mkdtemp(pattern);
  const std::string file = folder + "/sandbox.env";
  std::ofstream(file) << "HOST=localhost\nPASS1=secret\nSUPERVISOR_PID=1\nPIDS=\"2 3\"\n";
  const EnvironmentFile environment(file);
  const std::string before = contentOf(file);
  bool isWritten = true;
  {
    const FullDisk full;
    isWritten = environment.write({4, 5});
  }
  CHECK_FALSE(isWritten);
  CHECK(contentOf(file) == before);
  CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 1);
  CHECK(environment.write({4, 5}));
  CHECK(contentOf(file) == "HOST=localhost\nPASS1=secret\nSUPERVISOR_PID=" + std::to_string(::getpid()) + "\nPIDS=\"4 5\"\n");
  std::filesystem::remove_all(folder);
}
