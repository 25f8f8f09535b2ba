#include "libmailcore/sasl/gssapi.h"

#include <catch2/catch.hpp>

#include "libmailcore/sasl/gss_context.h"
#include "libmailcore/sasl/mechanism.h"

using namespace ostler;
using namespace ostler::sasl;

namespace {

const std::string kLayers("\x01\0\0\0", 4);

/// "Wraps" by writing "sealed:" in front.
struct FakeGss final : GssContext {
  std::string from = "alice@EXAMPLE.TEST";
  std::string to = "smtp/mail.example.test@EXAMPLE.TEST";
  Result<Answer> accept(std::string_view token) override { return Answer{"answer to " + std::string(token), true}; }
  std::string initiator() const override { return from; }
  std::string acceptor() const override { return to; }
  Result<std::string> wrap(std::string_view octets) override { return "sealed:" + std::string(octets); }
  Result<std::string> unwrap(std::string_view octets) override {
    if (!octets.starts_with("sealed:")) return fail(Error::Kind::denied, "bad seal");
    return std::string(octets.substr(7));
  }
};

struct Desk {
  std::shared_ptr<FakeGss> gss = std::make_shared<FakeGss>();
  std::unique_ptr<Mechanism> mechanism;
  explicit Desk(const std::string& realm = "", const std::string& domain = "") {
    Context context;
    context.gss = {gss, "smtp", realm, domain};
    mechanism = makeGssapi(std::move(context));
  }
  /// What auth does with an AcceptToken.
  Step take(const Step& step) {
    const auto* const asked = std::get_if<AcceptToken>(&step);
    REQUIRE(asked != nullptr);
    return mechanism->tokenAccepted(asked->context->accept(asked->token));
  }
  /// Up to the layers being offered.
  void negotiate() {
    REQUIRE(std::get<Challenge>(take(mechanism->start("ticket"))).data == "answer to ticket");
    REQUIRE(std::get<Challenge>(mechanism->response("")).data == "sealed:" + kLayers);
  }
};

std::string userOf(const std::string& initiator, const GssSettings& settings = {nullptr, "smtp", "", ""},
                   const std::string& acceptor = "smtp/mail.example.test@EXAMPLE.TEST") {
  const auto user = userOfPrincipal(settings, initiator, acceptor);
  return user ? *user : "refused: " + user.error().detail;
}

}  // namespace

TEST_CASE("gssapi: a ticket, no layer, and the user is whom the ticket names") {
  Desk desk;
  desk.negotiate();
  const Step chosen = desk.mechanism->response("sealed:" + kLayers + "alice@example.test");
  CHECK(std::get<FindVerifiers>(chosen).user == "alice@example.test");
  const Verifiers none;  // who has a ticket needs no password
  const Step last = desk.mechanism->verifiersFound(&none);
  CHECK(std::get<Succeeded>(last).user == "alice@example.test");
  CHECK(std::get<Succeeded>(last).authorizationId == "alice@example.test");
}

TEST_CASE("gssapi: a client that sends nothing at first is asked for its ticket") {
  Desk desk;
  CHECK(std::get<Challenge>(desk.mechanism->start(std::nullopt)).data.empty());
  CHECK(std::holds_alternative<Challenge>(desk.take(desk.mechanism->response("ticket"))));
}

TEST_CASE("gssapi: what is out of order, unsealed or asks for a layer that was not offered ends it") {
  struct Case {
    const char* name;
    std::string answer;
    std::string_view reason;
  };
  const Case test = GENERATE(values<Case>({
      {"not sealed", kLayers, kReasonTicket},
      {"too short", "sealed:\x01", kReasonMalformed},
      {"integrity, which is not offered", std::string("sealed:\x02\0\0\0", 11), kReasonMalformed},
      {"a NUL in the name", "sealed:" + kLayers + std::string("a\0b", 3), kReasonMalformed},
      {"a name that is not UTF-8", "sealed:" + kLayers + "\xff", kReasonMalformed},
  }));
  CAPTURE(test.name);
  Desk desk;
  desk.negotiate();
  CHECK(std::get<Failed>(desk.mechanism->response(test.answer)).reason == test.reason);
  // And it stays over.
  CHECK(std::holds_alternative<Failed>(desk.mechanism->response("sealed:" + kLayers)));
  const Verifiers none;
  CHECK(std::holds_alternative<Failed>(desk.mechanism->verifiersFound(&none)));
}

TEST_CASE("gssapi: octets where the client has to answer with nothing end it") {
  Desk desk;
  (void)desk.take(desk.mechanism->start("ticket"));
  CHECK(std::get<Failed>(desk.mechanism->response("something")).reason == kReasonMalformed);
}

TEST_CASE("gssapi: a ticket that Kerberos refuses is a failed login, with its reason for the log alone") {
  Desk desk;
  REQUIRE(std::holds_alternative<AcceptToken>(desk.mechanism->start("ticket")));
  const Step step = desk.mechanism->tokenAccepted(fail(Error::Kind::denied, "kerberos: Ticket expired"));
  CHECK(std::get<Failed>(step).reason == kReasonTicket);
  CHECK(std::get<Failed>(step).detail == "kerberos: Ticket expired");
  CHECK(std::get<Failed>(step).data.empty());
}

TEST_CASE("gssapi: a user that does not exist fails as with a wrong password; without Kerberos everybody does") {
  Desk desk;
  desk.negotiate();
  (void)desk.mechanism->response("sealed:" + kLayers);
  CHECK(std::get<Failed>(desk.mechanism->verifiersFound(nullptr)).reason == kReasonCredentials);
  CHECK(std::holds_alternative<Failed>(makeGssapi(Context{})->start("ticket")));
}

TEST_CASE("gssapi: a negotiation that goes on for ever, or with nothing, ends") {
  Desk desk;
  Step step = desk.mechanism->start("ticket");
  for (int turn = 0; turn < 20 && std::holds_alternative<AcceptToken>(step); ++turn) {
    (void)desk.mechanism->tokenAccepted(GssContext::Answer{"more", false});
    step = desk.mechanism->response("ticket");
  }
  CHECK(std::holds_alternative<Failed>(step));
  CHECK(std::holds_alternative<Failed>(Desk().mechanism->start("")));
}

TEST_CASE("gssapi: which principals are whose mailboxes") {
  CHECK(userOf("alice@EXAMPLE.TEST") == "alice@example.test");
  CHECK(userOf("alice@EXAMPLE.TEST", {nullptr, "smtp", "EXAMPLE.TEST", "mail.test"}) == "alice@mail.test");
  CHECK(userOf("alice@OFFICE.TEST", {nullptr, "smtp", "OFFICE.TEST", "example.test"}) == "alice@example.test");
  for (const char* const other : {"alice@OTHER.TEST", "alice@example.test", "alice", "@EXAMPLE.TEST", "alice/admin@EXAMPLE.TEST", "host/mail@EXAMPLE.TEST",
                                  "bob\\@example.test@EXAMPLE.TEST", "bob@example.test@EXAMPLE.TEST", "WELLKNOWN/ANONYMOUS@EXAMPLE.TEST", "a\xff@EXAMPLE.TEST", ""}) {
    CAPTURE(other);
    CHECK(userOf(other).starts_with("refused: "));
  }
  for (const char* const acceptor : {"imap/mail.example.test@EXAMPLE.TEST", "host/mail.example.test@EXAMPLE.TEST", "smtp", ""}) {
    CAPTURE(acceptor);
    CHECK(userOf("alice@EXAMPLE.TEST", {nullptr, "smtp", "", ""}, acceptor).starts_with("refused: the ticket is for"));
  }
}
