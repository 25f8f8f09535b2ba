#include "queued/route/route.h"

#include <catch2/catch.hpp>

#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/sending.h"

using namespace ostler;
using namespace ostler::route;
using RouteKind = Route::Kind;
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
    RouteKind kind;
    const char* key;
  };
  const Row rows[] = {
      {"a@inner.test", RouteKind::remote, "host:mail.inner.test:25"}, {"a@x.below.test", RouteKind::remote, "lmtp:/run/lmtp.sock"},
      {"a@below.test", RouteKind::remote, "mx:relay.test"},      {"a@DROPPED.test", RouteKind::drop, ""},
      {"a@never.test", RouteKind::reject, ""},                        {"a@any.test", RouteKind::remote, "mx:relay.test"},
  };
  const config::Config config = withRules();
  for (const Row& row : rows) {
    INFO(row.address);
    const Route got = route::route(config, {.forwardPath = row.address}, ipc::Resolution{});
    CHECK(got.kind == row.kind);
    if (*row.key != 0) CHECK(got.nextHop.key().starts_with(row.key));
  }
}

TEST_CASE("of a domain elsewhere the first rule that fits decides, though a later one names it; of one of ours the one that names it") {
  config::Config config;
  config.routes = {rule("*", Action::smarthost, "relay.test"), rule("Inner.test", Action::drop)};
  config.routes[0].sender = "example.org";
  const Query theirs{.forwardPath = "a@inner.test", .reversePath = "b@example.org"};
  CHECK(route::route(config, theirs, ipc::Resolution{}).nextHop.key() == "mx:relay.test");
  CHECK(route::route(config, {.forwardPath = "a@inner.test", .reversePath = "b@else.test"}, ipc::Resolution{}).kind == RouteKind::drop);
  ipc::Resolution ours;
  ours.kind = ipc::Resolution::Kind::unknownUser;
  CHECK(route::route(config, theirs, ours).kind == RouteKind::drop);
}

TEST_CASE("what is said of a domain of ours holds for its aliases, but for one that is named itself") {
  ipc::Resolution byAlias;
  byAlias.kind = ipc::Resolution::Kind::local;
  byAlias.accounts.emplace_back().address = "a@ours.test";
  byAlias.domain = "ours.test";
  const Query query{.forwardPath = "a@alias.test"};
  for (const Action action : {Action::smarthost, Action::lmtp, Action::drop, Action::reject, Action::forward}) {
    config::Config config;
    config.routes = {rule("ours.test", action, "other.test")};
    const Route got = route::route(config, query, byAlias);
    CHECK(got.rule == &config.routes[0]);
    CHECK((got.kind != RouteKind::drop || got.folder == "ours.test"));
    config.routes.push_back(rule("alias.test", Action::drop));
    const Route named = route::route(config, query, byAlias);
    CHECK(named.rule == &config.routes[1]);
    CHECK(named.folder.empty());
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
  CHECK(got.kind == RouteKind::reject);
  CHECK(got.reply.code == 550);
  CHECK(got.reply.enhanced == "5.1.1");
}

TEST_CASE("a mailbox of ours is local whatever the catch-all rule says") {
  ipc::Resolution local;
  local.kind = ipc::Resolution::Kind::local;
  local.accounts.emplace_back().address = "alice@ours.test";
  CHECK(route::route(withRules(), {.forwardPath = "alice@ours.test"}, local).kind == RouteKind::local);
}

TEST_CASE("a path that looks like a file is one only when it came out of an alias") {
  CHECK(route::route(config::Config{}, {.forwardPath = "/etc/passwd", .fromAlias = true}, ipc::Resolution{}).kind == RouteKind::file);
  CHECK(route::route(config::Config{}, {.forwardPath = "/etc/passwd"}, ipc::Resolution{}).kind == RouteKind::reject);
}

TEST_CASE("each rule that was looked at is told with its place") {
  Steps steps;
  (void)route::route(withRules(), {.forwardPath = "a@any.test"}, ipc::Resolution{}, &steps);
  REQUIRE(steps.size() == 5);
  CHECK(steps.back().find("ostler.yaml:7:3") != std::string::npos);
  CHECK(steps.back().find("decides") != std::string::npos);
}

TEST_CASE("rules by sender and by failures are passed over for others, and the next one decides") {
  config::Config config;
  config.routes = {rule("*", Action::smarthost, "[out.example.org]"), rule("*", Action::smarthost, "[late.test]"), rule("far.test", Action::mx)};
  config.routes[0].sender = "example.org";
  config.routes[1].afterFailures = 3;
  struct Row {
    const char* name;
    const char* from;
    unsigned failures;
    const char* key;
  };
  const Row rows[] = {{"the sender's own way", "a@example.org", 0, "host:out.example.org:25"},
                      {"a domain below is another", "a@sub.example.org", 0, "mx:far.test"},
                      {"others go direct", "a@example.net", 2, "mx:far.test"},
                      {"until it failed three times", "a@example.net", 3, "host:late.test:25"}};
  for (const Row& row : rows) {
    INFO(row.name);
    const Query query{.forwardPath = "x@far.test", .reversePath = row.from, .failures = row.failures};
    CHECK(route::route(config, query, ipc::Resolution{}).nextHop.key() == row.key);
  }
}

TEST_CASE("a forwarded domain keeps the local parts, whatever the directory says") {
  config::Config config;
  config.routes = {rule("old.test", Action::forward, "new.test")};
  const Route got = route::route(config, {.forwardPath = "Jo+x@old.test"}, ipc::Resolution{});
  CHECK(got.kind == RouteKind::local);
  CHECK(got.expansion == std::vector<std::string>{"Jo+x@new.test"});
}

TEST_CASE("an address that begins as a file or a program does is an address to whoever comes next") {
  config::Config config;
  config.routes = {rule("old.test", Action::forward, "new.test")};
  // A stranger chooses the local part of a forwarded domain.
  CHECK(route::route(config, {.forwardPath = "/etc/x@old.test"}, ipc::Resolution{}).expansion == std::vector<std::string>{"\"/etc/x\"@new.test"});
  ipc::Resolution alias;
  alias.kind = ipc::Resolution::Kind::local;
  alias.remote = {"/dev@far.test", "|cat@far.test"};
  alias.files = {"/var/mail/archive"};
  const Route got = route::route(config, {.forwardPath = "all@ours.test"}, alias);
  CHECK(got.expansion == std::vector<std::string>{"\"/dev\"@far.test", "\"|cat\"@far.test", "/var/mail/archive"});
  for (const std::string& target : {got.expansion[0], got.expansion[1]}) {
    const Route next = route::route(config, {.forwardPath = target, .fromAlias = true}, ipc::Resolution{});
    CHECK(next.kind != RouteKind::file);
    CHECK(next.kind != RouteKind::pipe);
  }
  CHECK(route::route(config, {.forwardPath = got.expansion[2], .fromAlias = true}, ipc::Resolution{}).kind == RouteKind::file);
}

TEST_CASE("peers are asked about who is not here, and never about a peer's own mail") {
  config::Config config;
  config.routes = {rule("ours.test", Action::peers)};
  config.routes[0].peers = {net::Endpoint::parse("192.0.2.2:25").value()};
  ipc::Resolution unknown;
  unknown.kind = ipc::Resolution::Kind::unknownUser;
  CHECK(route::route(config, {.forwardPath = "a@ours.test"}, unknown).kind == RouteKind::peers);
  unknown.domain = "ours.test";
  CHECK(route::route(config, {.forwardPath = "a@alias.test"}, unknown).kind == RouteKind::peers);
  const Route loop = route::route(config, {.forwardPath = "a@ours.test", .client = "192.0.2.2:4711"}, unknown);
  CHECK(loop.kind == RouteKind::reject);
  CHECK(loop.reply.enhanced == "5.1.1");
  ipc::Resolution here;
  here.kind = ipc::Resolution::Kind::local;
  here.accounts.emplace_back().address = "a@ours.test";
  CHECK(route::route(config, {.forwardPath = "a@ours.test"}, here).kind == RouteKind::local);
  CHECK(toPeer(config.routes[0], config.routes[0].peers[0]).key() == "host:[192.0.2.2]:25");
}

TEST_CASE("the fallback relays of a route win over those for all") {
  config::Config config;
  config.outbound.fallbackRelays = {"[all.test]"};
  config.routes = {rule("own.test", Action::mx), rule("plain.test", Action::mx)};
  config.routes[0].fallback = {"[own.test]:2525"};
  CHECK(route::route(config, {.forwardPath = "a@own.test"}, {}).nextHop.fallbacks == config.routes[0].fallback);
  CHECK(route::route(config, {.forwardPath = "a@plain.test"}, {}).nextHop.fallbacks == config.outbound.fallbackRelays);
  CHECK(route::route(config, {.forwardPath = "a@other.test"}, {}).nextHop.fallbacks == config.outbound.fallbackRelays);
}

TEST_CASE("a rule and an address mean one domain, whichever of them is written in U-labels") {
  constexpr const char* kU = "b\u00fccher.example";
  constexpr const char* kA = "xn--bcher-kva.example";
  struct Row {
    std::string domain;
    std::string sender;
    std::string from;
    std::string to;
    bool isTaken;
  };
  const auto at = [](const char* local, const char* domain) { return std::string(local) + "@" + domain; };
  for (const Row& row : {
           Row{kU, "", "a@b.test", at("x", kA), true},
           Row{kA, "", "a@b.test", at("x", kU), true},
           Row{kU, "", "a@b.test", at("x", kU), true},
           Row{kU, "", "a@b.test", "x@B\u00dcCHER.EXAMPLE", true},
           Row{std::string(".") + kU, "", "a@b.test", std::string("x@www.") + kA, true},
           Row{std::string(".") + kA, "", "a@b.test", std::string("x@www.") + kU, true},
           Row{std::string(".") + kU, "", "a@b.test", at("x", kA), false},
           Row{kU, "", "a@b.test", "x@bucher.example", false},
           Row{"*", kU, at("s", kA), "x@far.test", true},
           Row{"*", kA, at("s", kU), "x@far.test", true},
           Row{"*", at("s", kU), at("S", kA), "x@far.test", true},
           Row{"*", at("s", kA), at("s", kU), "x@far.test", true},
           Row{"*", at("s", kA), at("t", kU), "x@far.test", false},
       }) {
    INFO(row.domain << " for " << row.sender << ": from " << row.from << " to " << row.to);
    config::Config config;
    config.routes = {rule(row.domain, Action::reject)};
    config.routes[0].sender = row.sender;
    CHECK((route::route(config, {.forwardPath = row.to, .reversePath = row.from}, ipc::Resolution{}).kind == RouteKind::reject) == row.isTaken);
  }
  const config::Config none;
  CHECK(route::route(none, {.forwardPath = at("x", kU)}, ipc::Resolution{}).nextHop.key() == route::route(none, {.forwardPath = at("x", kA)}, ipc::Resolution{}).nextHop.key());
}
