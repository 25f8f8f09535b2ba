// Tried from inside: what a role out that was broken into can reach.
#include "queued/out/sandbox.h"

#include <sys/socket.h>

#include "libmailcore/net/listener.h"
#include "tests/unit/support/sandbox.h"

namespace ostler::out {
namespace {

using namespace ostler::test;

bool succeeds(const Installation& at, const Attempt& attempt) {
  return succeedsInside([&] { return confine(at.config, at.at("etc/ostler.yaml")); }, attempt);
}

TEST_CASE("a broken-into role out reads no mail, writes nothing but its log and starts nothing, but still connects") {
  if (!filesConfined()) return skip("this kernel has no Landlock");
  const Installation here;
  CHECK(succeeds(here, [&] { return canRead(here.at("etc/ostler.yaml")); }));
  CHECK(succeeds(here, [&] { return canMake(here.at("log/ostler.log")); }));
  for (const char* secret : {"data/accounts/a/log/1", "data/spool/queue/segment"}) {
    INFO(secret);
    CHECK_FALSE(succeeds(here, [&] { return canRead(here.at(secret)); }));
  }
  for (const char* place : {"data/new", "etc/new", "run/new"}) {
    INFO(place);
    CHECK_FALSE(succeeds(here, [&] { return canMake(here.at(place)); }));
  }
  CHECK_FALSE(succeeds(here, canExecute));
  if (kSystemCallsConfined) CHECK_FALSE(succeeds(here, canFork));
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
