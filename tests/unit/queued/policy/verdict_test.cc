#include "queued/policy/policy.h"

#include <catch2/catch.hpp>

#include "libmailcore/ipc/directory.h"

using namespace ostler;
using namespace ostler::policy;

namespace {

route::Route to(route::Route::Kind kind) {
  route::Route route;
  route.kind = kind;
  return route;
}

ipc::Identity alice() {
  ipc::Identity identity;
  identity.known = true;
  identity.account.address = "alice@ours.test";
  identity.addresses = {"sales@ours.test"};
  return identity;
}

}  // namespace

TEST_CASE("who may send to whom") {
  config::VirtualServer server;
  server.relayFrom = {*net::Cidr::parse("192.0.2.0/24")};
  const ipc::Identity identity = alice();
  using Kind = route::Route::Kind;
  struct Row {
    const char* what;
    Client client;
    Kind kind;
    int code;
  };
  const Row rows[] = {
      {"a stranger to a mailbox", {"smtp", "203.0.113.9:1"}, Kind::local, 250},
      {"a stranger to elsewhere", {"smtp", "203.0.113.9:1"}, Kind::remote, 554},
      {"loopback to elsewhere", {"smtp", "127.0.0.1:1"}, Kind::remote, 554},
      {"a listed client to elsewhere", {"smtp", "192.0.2.9:1"}, Kind::remote, 250},
      {"a user to elsewhere", {"submission", "203.0.113.9:1", &identity}, Kind::remote, 250},
      {"a user on the mx listener to elsewhere", {"smtp", "203.0.113.9:1", &identity}, Kind::remote, 250},
      {"lmtp to a mailbox", {"lmtp", "127.0.0.1:1"}, Kind::local, 250},
      {"lmtp to elsewhere, from a listed client", {"lmtp", "192.0.2.9:1"}, Kind::remote, 550},
      {"a local program to elsewhere", {"local", "uid 1000"}, Kind::remote, 250},
      {"a client whose address cannot be read", {"smtp", "nonsense"}, Kind::remote, 554},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(recipientVerdict(server, row.client, "x@there.test", to(row.kind)).code == row.code);
  }
}

TEST_CASE("a route that relays opens no relay, one that ends here takes mail from strangers") {
  const config::VirtualServer server;
  config::RouteRule rule;
  rule.domain = "there.test";
  rule.action = config::RouteRule::Action::smarthost;
  route::Route route = to(route::Route::Kind::remote);
  route.rule = &rule;
  CHECK(recipientVerdict(server, {"smtp", "203.0.113.9:1"}, "x@there.test", route).code == 554);
  rule.action = config::RouteRule::Action::lmtp;
  CHECK(recipientVerdict(server, {"smtp", "203.0.113.9:1"}, "x@there.test", route).code == 250);
  rule.domain = "*";
  CHECK(recipientVerdict(server, {"smtp", "203.0.113.9:1"}, "x@there.test", route).code == 554);
}

TEST_CASE("a user sends as itself, its aliases and its tags, and as nobody else") {
  const config::VirtualServer server;
  const ipc::Identity identity = alice();
  const Client client{"submission", "203.0.113.9:1", &identity};
  CHECK(senderVerdict(server, client, "Alice@ours.test", 0, "+").code == 250);
  CHECK(senderVerdict(server, client, "alice+list@ours.test", 0, "+").code == 250);
  CHECK(senderVerdict(server, client, "sales@ours.test", 0, "+").code == 250);
  CHECK(senderVerdict(server, client, "", 0, "+").code == 250);
  CHECK(senderVerdict(server, client, "bob@ours.test", 0, "+").code == 553);
}

TEST_CASE("submission without a login is refused, and so is what is too large") {
  config::VirtualServer server;
  server.limits.messageSize = 1_MiB;
  CHECK(senderVerdict(server, {"submission", "203.0.113.9:1"}, "a@b.test", 0, "+").code == 530);
  CHECK(senderVerdict(server, {"smtp", "203.0.113.9:1"}, "a@b.test", 2U << 20, "+").code == 552);
}

TEST_CASE("a mailbox has room for the size that is declared, or says so") {
  CHECK(roomVerdict({100, 1, 1000, 0}, 900).code == 250);
  CHECK(roomVerdict({101, 1, 1000, 0}, 900).enhanced == "4.2.2");
  CHECK(roomVerdict({0, 0, 1000, 0}, 1001).enhanced == "5.2.2");
  CHECK(roomVerdict({0, 0, 1000, 0}, ~std::uint64_t{0}).code == 552);
  CHECK(roomVerdict({2000, 1, 1000, 0}, 1).code == 452);
  CHECK(roomVerdict({2000, 1, 0, 0}, ~std::uint64_t{0}).code == 250);
}

TEST_CASE("a full mailbox is answered 452") {
  CHECK(roomVerdict({100, 1, 100, 0}).code == 452);
  CHECK(roomVerdict({99, 5, 100, 5}).code == 452);
  CHECK(roomVerdict({99, 4, 100, 5}).code == 250);
  CHECK(roomVerdict({1U << 30, 1000, 0, 0}).code == 250);
}
