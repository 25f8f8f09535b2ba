// Tried from inside: what a smtpd that was broken into can reach.
#include "smtpd/sandbox.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/support/sandbox.h"

namespace ostler::smtpd {
namespace {

namespace fs = std::filesystem;
using namespace ostler::test;

enum class Where { mainThread, worker };
bool succeeds(const Installation& at, Where where, const Attempt& attempt, const char* configFile = "etc/ostler.yaml") {
  const auto confine = [&] { return confineProcess(at.config, at.at(configFile)); };
  return where == Where::mainThread ? succeedsInside(confine, attempt)
                                    : succeedsInThread(confine, confineWorker, attempt);
}

TEST_CASE("sandbox: no file of spool, store or directory can be opened, listed, made or removed") {
  if (!filesConfined()) return skip("this kernel has no Landlock");
  const Installation at;
  for (const char* file : {"data/accounts/a/log/1", "data/directory/data.mdb", "data/spool/queue/segment",
                           "data/spool/pickup/mail", "data/spool/drop/mail"}) {
    const std::string path = at.at(file);
    CAPTURE(path);
    CHECK_FALSE(succeeds(at, Where::mainThread, [&] { return canRead(path); }));
    CHECK_FALSE(succeeds(at, Where::worker, [&] { return canRead(path); }));
    CHECK_FALSE(succeeds(at, Where::mainThread, [&] { return canMake(path + ".new"); }));
    CHECK_FALSE(succeeds(at, Where::mainThread, [&] { return ::unlink(path.c_str()) == 0; }));
    CHECK_FALSE(
        succeeds(at, Where::mainThread, [&] { return ::opendir(fs::path(path).parent_path().c_str()) != nullptr; }));
  }
  CHECK_FALSE(succeeds(at, Where::mainThread, [&] { return canRead("/etc/passwd"); }));
}

TEST_CASE("sandbox: what a reload reads can be read, also after it was replaced; the log can be opened anew") {
  if (!filesConfined()) return skip("this kernel has no Landlock");
  const Installation at;
  CHECK(succeeds(at, Where::mainThread, [&] { return canRead(at.at("etc/ostler.yaml")); }));
  std::ofstream(at.at("etc/new")) << "octets";
  fs::rename(at.at("etc/new"), at.at("etc/ostler.yaml"));
  CHECK(succeeds(at, Where::mainThread, [&] { return canRead(at.at("etc/ostler.yaml")); }));
  CHECK(succeeds(at, Where::mainThread, [&] { return canMake(at.at("log/smtpd.log.1")); }));
  CHECK_FALSE(succeeds(at, Where::mainThread, [&] { return canMake(at.at("etc/conf.d/mine.yaml")); }));
}

TEST_CASE("sandbox: a certificate that was a link at the start is read when it is a file after its renewal") {
  Installation at;
  fs::create_directories(at.at("archive"));
  fs::create_directories(at.at("live"));
  std::ofstream(at.at("archive/1.pem")) << "octets";
  fs::create_symlink(at.at("archive/1.pem"), at.at("live/mail.pem"));
  at.config.certificates = {{at.at("live/mail.pem"), at.at("live/mail.pem")}};
  CHECK(succeeds(at, Where::mainThread, [&] { return canRead(at.at("live/mail.pem")); }));
  std::ofstream(at.at("live/renewed.pem")) << "octets";  // beside the link, as what takes its place by rename(2)
  CHECK(succeeds(at, Where::mainThread, [&] { return canRead(at.at("live/renewed.pem")); }));
}

TEST_CASE("sandbox: a worker thread opens no file at all and makes no socket but a Unix one") {
  if (!filesConfined()) return skip("this kernel has no Landlock");
  if (!kSystemCallsConfined) return skip("system calls are not confined in a sanitizer build");
  const Installation at;
  CHECK_FALSE(succeeds(at, Where::worker, [&] { return canRead(at.at("etc/ostler.yaml")); }));
  CHECK_FALSE(succeeds(at, Where::worker, [] { return ::socket(AF_INET, SOCK_STREAM, 0) >= 0; }));
  CHECK(succeeds(at, Where::worker, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }));
}

TEST_CASE("sandbox: no program is started, no connection goes out") {
  if (!filesConfined()) return skip("this kernel has no Landlock");
  const Installation at;
  CHECK_FALSE(succeeds(at, Where::mainThread, canExecute));
  if (kSystemCallsConfined) CHECK_FALSE(succeeds(at, Where::mainThread, canFork));
  const UniqueFd listening(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof here;
  REQUIRE(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here) == 0);
  REQUIRE(::listen(listening.get(), 1) == 0);
  REQUIRE(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&here), &size) == 0);
  CHECK_FALSE(succeeds(at, Where::mainThread, [&] {
    const UniqueFd caller(::socket(AF_INET, SOCK_STREAM, 0));
    return ::connect(caller.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here) == 0;
  }));
}

TEST_CASE("sandbox: the suite's sockets can still be connected to, listeners still be bound") {
  const Installation at;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  at.at("run/smtpd.sock").copy(address.sun_path, sizeof address.sun_path - 1);
  const UniqueFd listening(::socket(AF_UNIX, SOCK_STREAM, 0));
  REQUIRE(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listening.get(), 1) == 0);
  CHECK(succeeds(at, Where::worker, [&] {
    const UniqueFd caller(::socket(AF_UNIX, SOCK_STREAM, 0));
    return ::connect(caller.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }));
  CHECK(succeeds(at, Where::mainThread, [] {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM, 0));
    return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0;
  }));
}

TEST_CASE("sandbox: where the configuration lies above the data, the configuration alone can be read") {
  if (!filesConfined()) return skip("this kernel has no Landlock");
  const Installation at;
  std::ofstream(at.at("ostler.yaml")) << "octets";
  CHECK(succeeds(at, Where::mainThread, [&] { return canRead(at.at("ostler.yaml")); }, "ostler.yaml"));
  CHECK_FALSE(
      succeeds(at, Where::mainThread, [&] { return canRead(at.at("data/spool/queue/segment")); }, "ostler.yaml"));
  CHECK_FALSE(
      succeeds(at, Where::mainThread, [&] { return canRead(at.at("data/directory/data.mdb")); }, "ostler.yaml"));
}

}  // namespace
}  // namespace ostler::smtpd
