#include "libmailcore/sasl/scram.h"

#include <catch2/catch.hpp>

#include "tests/unit/libmailcore/sasl/scram_client.h"

using namespace ostler;
using namespace ostler::sasl;

namespace {

Verifiers knownUser() {
  Verifiers verifiers;
  verifiers.scramSha256 = makeScramVerifier(Hash::sha256, "pencil", "a salt of sixteen", 4096).value();
  verifiers.scramSha1 = makeScramVerifier(Hash::sha1, "pencil", "a salt of sixteen", 4096).value();
  return verifiers;
}

Step exchange(Mechanism& server, ScramClient& client, const Verifiers* verifiers) {
  Step step = server.start(client.first());
  if (!std::holds_alternative<FindVerifiers>(step)) return step;
  step = server.verifiersFound(verifiers);
  if (!std::holds_alternative<Challenge>(step)) return step;
  return server.response(client.final(std::get<Challenge>(step).data));
}

Context contextWithTls(bool plusOffered) {
  Context context;
  context.tlsExporter = "thirty-two octets of TLS exporter";
  context.tlsServerEndPoint = "hash of the certificate";
  context.plusOffered = plusOffered;
  return context;
}

}  // namespace

TEST_CASE("SCRAM-SHA-1: the exchange of RFC 5802 5 comes out octet by octet") {
  Context context;
  context.serverNonce = "3rfcNHYJY1ZVvWVs7j";
  const auto server = makeScramSha1(context);
  Verifiers verifiers;
  verifiers.scramSha1 = makeScramVerifier(Hash::sha1, "pencil", *decodeBase64("QSXCR+Q6sek8bf92"), 4096).value();
  REQUIRE(std::get<FindVerifiers>(server->start("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL")).user == "user");
  CHECK(std::get<Challenge>(server->verifiersFound(&verifiers)).data ==
        "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096");
  const Step last =
      server->response("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
  CHECK(std::get<Succeeded>(last).data == "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=");
}

TEST_CASE("SCRAM-SHA-256: the exchange of RFC 7677 3 comes out octet by octet") {
  Context context;
  context.serverNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  const auto server = makeScramSha256(context);
  Verifiers verifiers;
  verifiers.scramSha256 =
      makeScramVerifier(Hash::sha256, "pencil", *decodeBase64("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096).value();
  REQUIRE(std::get<FindVerifiers>(server->start("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")).user == "user");
  CHECK(std::get<Challenge>(server->verifiersFound(&verifiers)).data ==
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
  const Step last = server->response(
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  CHECK(std::get<Succeeded>(last).data == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST_CASE("SCRAM: a client that waits for the server to speak gets an empty challenge") {
  const auto server = makeScramSha256({});
  CHECK(std::get<Challenge>(server->start(std::nullopt)).data.empty());
  CHECK(std::holds_alternative<FindVerifiers>(server->response("n,,n=user,r=abc")));
}

TEST_CASE("SCRAM: a wrong password is refused, an authorization identity is reported") {
  const Verifiers verifiers = knownUser();
  ScramClient wrong(Hash::sha256, "user", "pencils");
  CHECK(std::get<Failed>(exchange(*makeScramSha256({}), wrong, &verifiers)).reason == kReasonCredentials);
  ScramClient right(Hash::sha256, "user", "pencil", "n,a=bo=2Css,");
  const Step step = exchange(*makeScramSha256({}), right, &verifiers);
  CHECK(std::get<Succeeded>(step).authorizationId == "bo,ss");
  CHECK(right.serverIsGenuine(std::get<Succeeded>(step).data));
}

TEST_CASE(
    "SCRAM: a user that does not exist has the same salt each time and fails at the same step with the same words") {
  const Verifiers verifiers = knownUser();
  Context context;
  context.fakeSaltKey = "secret";
  context.fakeIterations = 4096;
  std::vector<std::string> salts;
  for (int i = 0; i < 2; ++i) {
    const auto server = makeScramSha256(context);
    (void)server->start("n,,n=ghost,r=abc");
    const std::string first = std::get<Challenge>(server->verifiersFound(nullptr)).data;
    salts.push_back(first.substr(first.find(",s=")));
  }
  CHECK(salts[0] == salts[1]);
  ScramClient ghost(Hash::sha256, "ghost", "pencil");
  ScramClient wrong(Hash::sha256, "user", "pencils");
  const Step ofGhost = exchange(*makeScramSha256(context), ghost, nullptr);
  const Step ofWrong = exchange(*makeScramSha256(context), wrong, &verifiers);
  CHECK(std::get<Failed>(ofGhost).data == std::get<Failed>(ofWrong).data);
  CHECK(std::get<Failed>(ofGhost).reason == std::get<Failed>(ofWrong).reason);
}

TEST_CASE("SCRAM: whoever guesses that a ghost's stored key is made of zeros is still refused") {
  const auto server = makeScramSha256({});
  (void)server->start("n,,n=ghost,r=abc");
  const std::string first = std::get<Challenge>(server->verifiersFound(nullptr)).data;
  const std::string nonce(first.substr(0, first.find(',')));
  const std::string without = "c=biws," + nonce;
  const std::string proof = hmac(Hash::sha256, std::string(32, '\0'), "n=ghost,r=abc," + first + "," + without);
  CHECK(std::holds_alternative<Failed>(server->response(without + ",p=" + encodeBase64(proof))));
}

TEST_CASE("SCRAM-PLUS: bound to this TLS connection it succeeds, to another it does not") {
  struct Row {
    const char* name;
    bool plus;
    const char* header;
    std::string binding;
    bool offered;
    const char* reason;  // null: succeeds
  };
  const std::vector<Row> rows = {
      {"tls-exporter", true, "p=tls-exporter,,", "thirty-two octets of TLS exporter", true, nullptr},
      {"tls-server-end-point", true, "p=tls-server-end-point,,", "hash of the certificate", true, nullptr},
      {"man in the middle", true, "p=tls-exporter,,", "the exporter of another connection", true, "channel-binding"},
      {"tls-unique is gone", true, "p=tls-unique,,", "x", true, "channel-binding"},
      {"-PLUS without binding", true, "n,,", "", true, "channel-binding"},
      {"binding without -PLUS", false, "p=tls-exporter,,", "thirty-two octets of TLS exporter", true,
       "channel-binding"},
      {"somebody took -PLUS off the list", false, "y,,", "", true, "channel-binding"},
      {"the client could, we do not", false, "y,,", "", false, nullptr},
      {"the client cannot", false, "n,,", "", true, nullptr},
  };
  const Verifiers verifiers = knownUser();
  for (const Row& row : rows) {
    INFO(row.name);
    ScramClient client(Hash::sha256, "user", "pencil", row.header, row.binding);
    const Context context = contextWithTls(row.offered);
    const auto server = row.plus ? makeScramSha256Plus(context) : makeScramSha256(context);
    const Step step = exchange(*server, client, &verifiers);
    if (row.reason == nullptr) {
      CHECK(std::holds_alternative<Succeeded>(step));
    } else {
      REQUIRE(std::holds_alternative<Failed>(step));
      CHECK(std::get<Failed>(step).reason == row.reason);
    }
  }
}

TEST_CASE("SCRAM: a final message with another nonce or out of turn is refused") {
  const Verifiers verifiers = knownUser();
  const auto server = makeScramSha256({});
  CHECK(std::holds_alternative<Failed>(server->verifiersFound(&verifiers)));
  const auto second = makeScramSha256({});
  (void)second->start("n,,n=user,r=abc");
  (void)second->verifiersFound(&verifiers);
  CHECK(std::get<Failed>(second->response("c=biws,r=abc,p=AAAA")).reason == kReasonMalformed);
  CHECK(std::holds_alternative<Failed>(second->response("c=biws,r=abc,p=AAAA")));
}

TEST_CASE("SCRAM: malformed messages are refused") {
  for (const char* const text : {"", "n", "n,", "n,,", "n,,n=", "n,,n=u", "n,,n=u,r=", "n,,m=x,n=u,r=a", "x,,n=u,r=a",
                                 "p=,,n=u,r=a", "n,b=x,n=u,r=a", "n,,n=a=b,r=a", "n,,n=u,r=a b", "n,,r=a,n=u"}) {
    INFO(text);
    CHECK_FALSE(parseClientFirst(text));
  }
  for (const char* const text :
       {"", "c=biws", "c=biws,r=a", "c=!!,r=a,p=AAAA", "r=a,c=biws,p=AAAA", "c=biws,r=a,p=A", "c=biws,p=AAAA"}) {
    INFO(text);
    CHECK_FALSE(parseClientFinal(text));
  }
  CHECK(parseClientFirst("n,,n=a=2Cb=3Dc,r=x,ext=1")->user == "a,b=c");
}
