// Tried from inside: what a role out that was broken into can reach. Each attempt runs in a process of its own: there is no way back.
#include "queued/out/sandbox.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>

#include "libmailcore/net/listener.h"

namespace ostler::out {
namespace {

namespace fs = std::filesystem;

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSystemCallsConfined = false;
#else
constexpr bool kSystemCallsConfined = true;
#endif

struct Installation {
  Installation() {
    std::string name = (fs::temp_directory_path() / "ostler-out-sandbox-XXXXXX").string();
    root = ::mkdtemp(name.data());
    for (const char* folder : {"etc", "data/accounts/a", "data/spool/queue", "run"}) fs::create_directories(root / folder);
    for (const char* file : {"etc/ostler.yaml", "data/accounts/a/1", "data/spool/queue/segment"}) std::ofstream(root / file) << "x";
    config.dataDir = (root / "data").string();
    config.runDir = (root / "run").string();
  }
  ~Installation() { fs::remove_all(root); }
  fs::path root;
  config::Config config;
};

bool succeeds(const Installation& at, const std::function<bool()>& attempt) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const bool confined = confine(at.config, (at.root / "etc/ostler.yaml").string()).has_value();
    ::_exit(!confined ? 2 : attempt() ? 1 : 0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) != 2);
  return WEXITSTATUS(status) == 1;
}

bool opens(const fs::path& path, int flags) { return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC, 0600)).get() >= 0; }

TEST_CASE("a broken-into role out reads no mail, writes nothing and starts nothing, but still connects") {
  const Installation here;
  CHECK(succeeds(here, [&] { return opens(here.root / "etc/ostler.yaml", O_RDONLY); }));
  for (const char* secret : {"data/accounts/a/1", "data/spool/queue/segment"}) {
    INFO(secret);
    CHECK_FALSE(succeeds(here, [&] { return opens(here.root / secret, O_RDONLY); }));
  }
  for (const char* place : {"data/new", "etc/new", "run/new"}) {
    INFO(place);
    CHECK_FALSE(succeeds(here, [&] { return opens(here.root / place, O_WRONLY | O_CREAT); }));
  }
  if (kSystemCallsConfined) {
    CHECK_FALSE(succeeds(here, [] {
      const pid_t child = ::fork();
      if (child == 0) ::_exit(0);
      return child > 0;
    }));
  }
  const Result<UniqueFd> listening = net::listenOn(net::Endpoint::parse("127.0.0.1:0").value());
  sockaddr_storage to{};
  const socklen_t length = net::localEndpoint(listening->get())->toSockaddr(to);
  CHECK(succeeds(here, [&] {
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), length) == 0;
  }));
}

}  // namespace
}  // namespace ostler::out
