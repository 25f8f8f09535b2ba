#include "libmailcore/daemon/service.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/unit/libmailcore/net/test_certificates.h"
#include "tests/unit/support/temporary_folder.h"

using namespace ostler;
using namespace ostler::daemon;
using namespace std::chrono_literals;

namespace {

class Nobody final : public Protocol {
 public:
  Task<void> serve(Arrival) override { co_return; }
};

Daemon idle() {
  Daemon daemon;
  daemon.name = "idle";
  daemon.listeners = [](const config::Config&) { return std::vector<ListenerPlan>(); };
  daemon.protocol = [](const Worker&) { return std::make_unique<Nobody>(); };
  return daemon;
}

std::string contentOf(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}

/// Runs it in a process of its own until the log has this so often, or ten seconds have passed; then ends it.
std::size_t runUntilLogged(const Daemon& daemon, const std::string& configFile, const std::string& logFile, const std::string& what, std::size_t least) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::string arguments[] = {daemon.name, "-c", configFile};
    char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), nullptr};
    ::_exit(run(daemon, 3, argv));
  }
  REQUIRE(child > 0);
  const Deadline deadline = Deadline::after(10s);
  std::size_t found = 0;
  while (found < least && !deadline.passed()) {
    found = count(contentOf(logFile), what);
    ::usleep(1000);
  }
  ::kill(child, SIGTERM);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  return found;
}

}  // namespace

TEST_CASE("a daemon tells of a certificate that ends soon at its start, and again every day") {
  const test::TemporaryFolder folder;
  net::TestCertificates made;
  const net::CertificateFiles leaf = made.leaf({"mail.example.test"});
  const std::string configFile = folder.path() + "/ostler.yaml", logFile = folder.path() + "/log";
  std::ofstream(configFile) << "host_name: mail.example.test\ndata_dir: " << folder.path() << "\nrun_dir: " << folder.path()
                            << "\nworkers: 1\nlog: {target: file, file: " << logFile << "}\ntls: {certificates: [{certificate: " << leaf.certificate
                            << ", key: " << leaf.key << "}]}\n";
  Daemon daemon = idle();
  CHECK(daemon.certificatesToldOf == 24h);
  daemon.certificatesToldOf = 20ms;
  CHECK(runUntilLogged(daemon, configFile, logFile, "certificate-expires file=" + leaf.certificate, 3) >= 3);
}

TEST_CASE("a certificate that is replaced is used without a reload; a key of another is not, and the old pair stays") {
  const test::TemporaryFolder folder;
  net::TestCertificates made;
  const net::CertificateFiles first = made.leaf({"mail.example.test"}), second = made.leaf({"mail.example.test"});
  const std::string configFile = folder.path() + "/ostler.yaml", logFile = folder.path() + "/log";
  std::ofstream(configFile) << "host_name: mail.example.test\ndata_dir: " << folder.path() << "\nrun_dir: " << folder.path()
                            << "\nworkers: 1\nlog: {target: file, file: " << logFile << "}\ntls: {certificates: [{certificate: " << first.certificate
                            << ", key: " << first.key << "}]}\n";
  Daemon daemon = idle();
  CHECK(daemon.certificatesLookedAt == 1min);
  daemon.certificatesLookedAt = 20ms;
  const auto whileItStarts = [&daemon](auto replace) {
    daemon.startShared = [replace](const config::Config&, const log::Log&) -> Result<void> {
      replace();
      return {};
    };
  };
  SECTION("both files") {
    whileItStarts([first, second] {
      std::filesystem::rename(second.key, first.key);
      std::filesystem::rename(second.certificate, first.certificate);
    });
    CHECK(runUntilLogged(daemon, configFile, logFile, "certificates-reloaded", 1) == 1);
    CHECK(count(contentOf(logFile), "certificates-refused") == 0);
  }
  SECTION("the key alone") {
    whileItStarts([first, second] { std::filesystem::rename(second.key, first.key); });
    CHECK(runUntilLogged(daemon, configFile, logFile, "certificates-refused", 1) == 1);
    CHECK(count(contentOf(logFile), "certificates-reloaded") == 0);
  }
}
