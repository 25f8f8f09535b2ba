#include "libmailcore/receiving/checks.h"

#include <catch2/catch.hpp>

#include <functional>
#include <set>

namespace ostler::receiving {
namespace {

/// A stranger's visit that nothing is said against.
struct Visitor {
  config::VirtualServer server;
  net::IpAddress address = net::IpAddress::parse("192.0.2.7").value();
  Rates rates;
  Visit visit{.server = server, .kind = config::SmtpKind::mx, .client = &address, .helo = "x.example", .hostName = "mail.example.test", .rates = rates, .now = {}};
};

struct Case {
  std::string_view check;
  int code;
  std::function<void(Visitor&)> spoil;
};

const net::Cidr kClient = net::Cidr::parse("192.0.2.0/24").value();

// Each check once with what it objects to; without that, nothing is objected to at all.
const std::vector<Case> kCases = {
    {"closed", 521, [](Visitor& v) { v.server.closed = true; }},
    {"access_list", 554, [](Visitor& v) { v.server.accessExcept.networks = {kClient}; }},
    {"connection_rate", 421, [](Visitor& v) { v.server.rates.connections = 1; }},
    {"early_talker", 554, [](Visitor& v) { v.visit.talkedEarly = true; }},
    {"pipelining", 554, [](Visitor& v) { v.visit.sentAhead = true; }},
    {"own_name", 550, [](Visitor& v) { v.server.checkHelo = true; v.visit.helo = "MAIL.example.test"; }},
    {"tls_required", 530, [](Visitor& v) { v.server.tlsRequired = true; }},
    {"login_required", 530, [](Visitor& v) { v.visit.kind = config::SmtpKind::submission; }},
    {"session_limits", 421, [](Visitor& v) { v.visit.messages = v.server.limits.messagesPerConnection; }},
    {"message_rate", 450, [](Visitor& v) { v.server.rates.messages = 1; }},
    {"recipient_limit", 452, [](Visitor& v) { v.visit.recipients = v.server.limits.recipients; }},
    {"recipient_rate", 450, [](Visitor& v) { v.server.rates.recipients = 1; }},
    {"binary_content", 503, [](Visitor& v) { v.visit.binary = true; }},
    {"content_size", 552, [](Visitor& v) { v.visit.content.octets = v.server.limits.messageSize.octets + 1; }},
    {"line_ends", 550, [](Visitor& v) { v.visit.content.bareLineEnd = true; }},
    {"hop_limit", 554, [](Visitor& v) { v.visit.content.received = v.server.limits.hops + 1; }},
};

const Check& named(std::string_view name) {
  for (const Check& check : allChecks()) {
    if (check.name == name) return check;
  }
  throw std::logic_error("no check " + std::string(name));
}

constexpr Stage kStages[] = {Stage::connect, Stage::greeting, Stage::command, Stage::mail, Stage::rcpt, Stage::data, Stage::endOfData};

}  // namespace

TEST_CASE("every stage of the dialogue has its list of checks, and the table is in the order of the stages") {
  std::set<Stage> found;
  Stage last = Stage::connect;
  for (const Check& check : allChecks()) {
    INFO(check.name);
    CHECK(check.stage >= last);
    last = check.stage;
    found.insert(check.stage);
  }
  CHECK(found == std::set<Stage>(std::begin(kStages), std::end(kStages)));
}

TEST_CASE("every check objects to what it is there for, and to nothing else") {
  CHECK(kCases.size() == allChecks().size());
  for (const Case& one : kCases) {
    INFO(one.check);
    Visitor fine;
    for (const Stage stage : kStages) CHECK_FALSE(ask(stage, fine.visit));
    Visitor spoilt;
    one.spoil(spoilt);
    const Check& check = named(one.check);
    std::optional<Objection> objection = ask(check.stage, spoilt.visit);
    if (!objection) objection = ask(check.stage, spoilt.visit);  // a rate lets the first one through
    REQUIRE(objection);
    CHECK(objection->check == one.check);
    CHECK(objection->reply.code == one.code);
    CHECK(objection->givesWay == check.givesWay);
  }
}

TEST_CASE("who may relay, is logged in or comes over a Unix socket may be clumsy about waiting") {
  Visitor visitor;
  visitor.visit.sentAhead = true;
  const auto isRefused = [&] { return ask(Stage::command, visitor.visit).has_value(); };
  CHECK(isRefused());
  visitor.visit.authenticated = true;
  CHECK_FALSE(isRefused());
  visitor.visit.authenticated = false;
  visitor.server.relayFrom = {kClient};
  CHECK_FALSE(isRefused());
  visitor.server.relayFrom.clear();
  visitor.visit.client = nullptr;
  CHECK_FALSE(isRefused());
}

TEST_CASE("the first check of a stage that objects decides") {
  Visitor visitor;
  visitor.visit.content = {.octets = visitor.server.limits.messageSize.octets + 1, .bareLineEnd = true, .received = 1000};
  CHECK(ask(Stage::endOfData, visitor.visit)->check == "content_size");
}

TEST_CASE("content is measured against the virtual server, the account and what is left of the session") {
  Visitor visitor;
  visitor.server.limits.messageSize = {100};
  const auto isTaken = [&](std::uint64_t octets) {
    visitor.visit.content.octets = octets;
    return !ask(Stage::endOfData, visitor.visit).has_value();
  };
  CHECK(isTaken(100));
  CHECK_FALSE(isTaken(101));
  visitor.visit.accountMessageSize = 50;
  CHECK(isTaken(50));
  CHECK_FALSE(isTaken(51));
  visitor.server.limits.sessionSize = {30};
  visitor.visit.sessionOctets = 10;
  CHECK(isTaken(20));
  CHECK_FALSE(isTaken(21));
  visitor.visit.sessionOctets = 40;  // the last message went over it: what begins now may have one octet
  CHECK(isTaken(1));
  CHECK_FALSE(isTaken(2));
}

TEST_CASE("who may say our name: everybody while names are not checked, and always ourselves") {
  Visitor visitor;
  visitor.visit.helo = "mail.example.test";
  CHECK_FALSE(ask(Stage::mail, visitor.visit));
  visitor.server.checkHelo = true;
  CHECK(ask(Stage::mail, visitor.visit));
  visitor.visit.kind = config::SmtpKind::submission;
  visitor.visit.authenticated = true;
  CHECK_FALSE(ask(Stage::mail, visitor.visit));
  visitor.visit.authenticated = false;
  visitor.visit.kind = config::SmtpKind::mx;
  visitor.visit.authenticated = true;
  CHECK_FALSE(ask(Stage::mail, visitor.visit));
  visitor.visit.authenticated = false;
  visitor.server.relayFrom = {kClient};
  CHECK_FALSE(ask(Stage::mail, visitor.visit));
  visitor.server.relayFrom.clear();
  const net::IpAddress here = net::IpAddress::parse("127.0.0.1").value();
  visitor.visit.client = &here;
  CHECK_FALSE(ask(Stage::mail, visitor.visit));
}

TEST_CASE("binary content has no lines, so nothing is said of how they end") {
  Visitor visitor;
  visitor.visit.binary = true;
  visitor.visit.content.bareLineEnd = true;
  CHECK_FALSE(ask(Stage::endOfData, visitor.visit));
}

}  // namespace ostler::receiving
