// What a session costs while its client says nothing: the figure in smtpd/README.md.
#include <malloc.h>

#include <catch2/catch.hpp>

#include "tests/unit/smtpd/stage.h"

namespace ostler::smtpd {
namespace {

struct Idle {
  std::unique_ptr<Session> session;
  std::unique_ptr<Caller> caller;
};

Task<void> greetAll(std::vector<Idle>& all) {
  for (Idle& one : all) {
    const std::optional<smtp::Reply> greeting = co_await one.caller->reply();
    const std::optional<smtp::Reply> hello = co_await one.caller->ask("EHLO x.example");
    REQUIRE((greeting && hello && hello->code == 250));
  }
}

std::size_t inUse() {
  return mallinfo2().uordblks;
}

TEST_CASE("an idle session that said EHLO costs less than 9 KiB, with its client's end and a copy of the settings of its own") {
  constexpr std::size_t kSessions = 500;
  Stage stage;
  std::vector<Idle> all;
  all.reserve(kSessions);
  TaskScope scope(stage.loop);
  const std::size_t before = inUse();
  for (std::size_t at = 0; at < kSessions; ++at) {
    auto [server, client] = net::MemoryStream::makePair(stage.loop);
    Idle one{std::make_unique<Session>(stage.around, stage.arrival(std::move(server))),
             std::make_unique<Caller>(stage.loop, std::move(client))};
    scope.spawn(one.session->run());
    all.push_back(std::move(one));
  }
  stage.loop.runUntilDone(greetAll(all));
  const std::size_t each = (inUse() - before) / kSessions;
  INFO("octets of a session: " << each);
#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer)
  CHECK(each < 9 * 1024);
#endif
}

}  // namespace
}  // namespace ostler::smtpd
