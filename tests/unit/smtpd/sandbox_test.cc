// Tried from inside: what a smtpd that was broken into can reach. Each case runs in a process of its own, since there
// is no way back.
#include "smtpd/sandbox.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "libmailcore/base/unique_fd.h"

namespace ostler::smtpd {
namespace {

namespace fs = std::filesystem;

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSystemCallsConfined = false;
#else
constexpr bool kSystemCallsConfined = true;
#endif

struct Installation {
  Installation() {
    std::string name = (fs::temp_directory_path() / "ostler-sandbox-XXXXXX").string();
    root = ::mkdtemp(name.data());
    for (const char* folder : {"etc/conf.d", "data/accounts/a/log", "data/directory", "data/spool/queue",
                               "data/spool/pickup", "data/spool/drop", "data/spool/badmail", "run", "log"}) {
      fs::create_directories(root / folder);
    }
    for (const char* file : {"etc/ostler.yaml", "data/accounts/a/log/1", "data/directory/data.mdb",
                             "data/spool/queue/segment", "data/spool/pickup/mail", "data/spool/drop/mail"}) {
      std::ofstream(root / file) << "octets";
    }
    config.dataDir = (root / "data").string();
    config.runDir = (root / "run").string();
    config.log.target = config::LogSettings::Target::file;
    config.log.file = (root / "log/smtpd.log").string();
  }
  ~Installation() { fs::remove_all(root); }
  [[nodiscard]] std::string at(const char* path) const { return (root / path).string(); }
  fs::path root;
  std::string configFile = "etc/ostler.yaml";
  config::Config config;
};

/// Runs the attempt in a confined child (`worker`: on a confined thread of it). True: it got what it tried for.
enum class Where { mainThread, worker };
bool succeeds(const Installation& at, Where where, const std::function<bool()>& attempt) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (const auto confined = confineProcess(at.config, at.at(at.configFile.c_str())); !confined) {
      std::fprintf(stderr, "%s\n", confined.error().detail.c_str());
      ::_exit(2);
    }
    if (where == Where::mainThread) ::_exit(attempt() ? 1 : 0);
    std::thread([&attempt] {
      if (!confineWorker()) ::_exit(2);
      ::_exit(attempt() ? 1 : 0);
    }).join();
    ::_exit(2);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) != 2);
  return WEXITSTATUS(status) == 1;
}

bool canRead(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)).get() >= 0;
}
bool canMake(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)).get() >= 0;
}

TEST_CASE("sandbox: no file of spool, store or directory can be opened, listed, made or removed") {
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
  const Installation at;
  CHECK(succeeds(at, Where::mainThread, [&] { return canRead(at.at("etc/ostler.yaml")); }));
  std::ofstream(at.at("etc/new")) << "octets";
  fs::rename(at.at("etc/new"), at.at("etc/ostler.yaml"));
  CHECK(succeeds(at, Where::mainThread, [&] { return canRead(at.at("etc/ostler.yaml")); }));
  CHECK(succeeds(at, Where::mainThread, [&] { return canMake(at.at("log/smtpd.log.1")); }));
  CHECK_FALSE(succeeds(at, Where::mainThread, [&] { return canMake(at.at("etc/conf.d/mine.yaml")); }));
}

TEST_CASE("sandbox: a worker thread opens no file at all and makes no socket but a Unix one") {
  if (!kSystemCallsConfined) return;
  const Installation at;
  CHECK_FALSE(succeeds(at, Where::worker, [&] { return canRead(at.at("etc/ostler.yaml")); }));
  CHECK_FALSE(succeeds(at, Where::worker, [] { return ::socket(AF_INET, SOCK_STREAM, 0) >= 0; }));
  CHECK(succeeds(at, Where::worker, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }));
}

TEST_CASE("sandbox: no program is started, no connection goes out") {
  const Installation at;
  CHECK_FALSE(succeeds(at, Where::mainThread, [] {
    char program[] = "/bin/false";  // status 1 would say "it worked"
    char* const arguments[] = {program, nullptr};
    return ::execv(program, arguments) == 0;
  }));
  if (kSystemCallsConfined) {
    CHECK_FALSE(succeeds(at, Where::mainThread, [] { return ::fork() >= 0; }));
  }
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
  Installation at;
  at.configFile = "ostler.yaml";
  std::ofstream(at.at("ostler.yaml")) << "octets";
  CHECK(succeeds(at, Where::mainThread, [&] { return canRead(at.at("ostler.yaml")); }));
  CHECK_FALSE(succeeds(at, Where::mainThread, [&] { return canRead(at.at("data/spool/queue/segment")); }));
  CHECK_FALSE(succeeds(at, Where::mainThread, [&] { return canRead(at.at("data/directory/data.mdb")); }));
}

}  // namespace
}  // namespace ostler::smtpd
