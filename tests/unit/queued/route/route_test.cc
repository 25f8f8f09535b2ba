#include "queued/route/route.h"

#include <catch2/catch.hpp>

using namespace ostler;
using namespace ostler::route;
using Kind = Route::Kind;
using Action = config::RouteRule::Action;

namespace {

config::RouteRule rule(std::string domain, Action action, std::string host = {}) {
  config::RouteRule made;
  made.domain = std::move(domain);
  made.action = action;
  made.host = std::move(host);
  made.place = {"ostler.yaml", 7, 3};
  return made;
}

config::Config withRules() {
  config::Config config;
  config.routes = {rule("inner.test", Action::smarthost, "[mail.inner.test]"), rule(".below.test", Action::lmtp, "/run/lmtp.sock"),
                   rule("dropped.test", Action::drop), rule("never.test", Action::reject), rule("*", Action::smarthost, "relay.test")};
  return config;
}

}  // namespace

TEST_CASE("where mail for an address elsewhere goes") {
  struct Row {
    const char* address;
    Kind kind;
    const char* key;
  };
  const Row rows[] = {
      {"a@inner.test", Kind::remote, "host:mail.inner.test:25"}, {"a@x.below.test", Kind::remote, "lmtp:/run/lmtp.sock"},
      {"a@below.test", Kind::remote, "mx:relay.test"},      {"a@DROPPED.test", Kind::drop, ""},
      {"a@never.test", Kind::reject, ""},                        {"a@any.test", Kind::remote, "mx:relay.test"},
  };
  const config::Config config = withRules();
  for (const Row& row : rows) {
    INFO(row.address);
    const Route got = route::route(config, {.forwardPath = row.address}, ipc::Resolution{});
    CHECK(got.kind == row.kind);
    if (*row.key != 0) CHECK(got.nextHop.key().starts_with(row.key));
  }
}

TEST_CASE("without a rule mail goes by MX, and to an address literal directly") {
  const config::Config config;
  CHECK(route::route(config, {.forwardPath = "a@Else.test"}, ipc::Resolution{}).nextHop.key() == "mx:else.test");
  CHECK(route::route(config, {.forwardPath = "a@[192.0.2.1]"}, ipc::Resolution{}).nextHop.kind == ipc::NextHop::Kind::host);
}

TEST_CASE("an unknown user of ours is refused with 5.1.1, and the text says what to do") {
  ipc::Resolution unknown;
  unknown.kind = ipc::Resolution::Kind::unknownUser;
  const Route got = route::route(config::Config{}, {.forwardPath = "who@ours.test"}, unknown);
  CHECK(got.kind == Kind::reject);
  CHECK(got.reply.code == 550);
  CHECK(got.reply.enhanced == "5.1.1");
}

TEST_CASE("a mailbox of ours is local whatever the catch-all rule says") {
  ipc::Resolution local;
  local.kind = ipc::Resolution::Kind::local;
  local.accounts.emplace_back().address = "alice@ours.test";
  CHECK(route::route(withRules(), {.forwardPath = "alice@ours.test"}, local).kind == Kind::local);
}

TEST_CASE("a path that looks like a file is one only when it came out of an alias") {
  CHECK(route::route(config::Config{}, {.forwardPath = "/etc/passwd", .fromAlias = true}, ipc::Resolution{}).kind == Kind::file);
  CHECK(route::route(config::Config{}, {.forwardPath = "/etc/passwd"}, ipc::Resolution{}).kind == Kind::reject);
}

TEST_CASE("each rule that was looked at is told with its place") {
  Steps steps;
  (void)route::route(withRules(), {.forwardPath = "a@any.test"}, ipc::Resolution{}, &steps);
  REQUIRE(steps.size() == 5);
  CHECK(steps.back().find("ostler.yaml:7:3") != std::string::npos);
  CHECK(steps.back().find("decides") != std::string::npos);
}
