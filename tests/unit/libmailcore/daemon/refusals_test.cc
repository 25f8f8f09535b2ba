#include "libmailcore/daemon/refusals.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "libmailcore/net/certificate.h"
#include "libmailcore/net/listener.h"
#include "tests/unit/support/temporary_folder.h"

using namespace ostler;

namespace {

config::Listener at(const net::Endpoint& address) {
  config::Listener listener;
  listener.address = address;
  return listener;
}

/// A listening socket on a free port, and where it is.
struct Taken {
  UniqueFd socket = std::move(*net::listenOn(*net::Endpoint::parse("127.0.0.1:0")));
  net::Endpoint address = *net::localEndpoint(socket.get());
};

class Pairs : public test::TemporaryFolder {
 public:
  Pairs() {
    for (const char* const name : {"a", "b"}) {
      const auto made = net::makeSelfSigned("mail.example.test");
      std::ofstream(file(name + std::string(".pem"))) << made->certificate;
      std::ofstream(file(name + std::string(".key"))) << made->key;
    }
  }
};

}  // namespace

TEST_CASE("a reload is refused for all where another program has the port of a new listener") {
  const Taken other;
  config::Config taken;
  config::Config next;
  next.imap.listeners = {at(other.address)};
  const auto said = daemon::refusals(taken, next);
  REQUIRE(said.size() == 1);
  CHECK_THAT(said[0], Catch::Contains(other.address.text()) && Catch::Contains("in use"));
  CHECK(daemon::refusals(next, next).empty());  // our own
}

TEST_CASE("a free port of a new listener is found free, and is free afterwards") {
  net::Endpoint address;
  {
    const Taken gone;
    address = gone.address;
  }
  config::Config next;
  next.imap.listeners = {at(address)};
  CHECK(daemon::refusals({}, next).empty());
  CHECK(daemon::refusals({}, next).empty());
  CHECK(net::listenOn(address));
}

TEST_CASE("a listener that goes from one process to another is not left to which of them is first") {
  config::Config taken;
  config::Config next;
  taken.pop3.listeners = next.imap.listeners = {at(*net::Endpoint::parse("127.0.0.1:1"))};
  const auto said = daemon::refusals(taken, next);
  REQUIRE(said.size() == 1);
  CHECK_THAT(said[0], Catch::Contains("goes from pop3d to imapd"));
}

TEST_CASE("a reload is refused for all where a certificate has another key, of the suite, a virtual server or outbound") {
  const Pairs folder;
  const net::CertificateFiles good{folder.file("a.pem"), folder.file("a.key")};
  const net::CertificateFiles bad{folder.file("a.pem"), folder.file("b.key")};
  config::Config next;
  next.virtualServers.resize(1);
  next.certificates = next.virtualServers.front().certificates = {good};
  next.outbound.certificate = good;
  CHECK(daemon::refusals({}, next).empty());
  config::Config ofSuite = next;
  ofSuite.certificates = {bad};
  CHECK(daemon::refusals({}, ofSuite).size() == 1);
  config::Config ofServer = next;
  ofServer.virtualServers.front().certificates = {bad};
  CHECK(daemon::refusals({}, ofServer).size() == 1);
  config::Config ofOutbound = next;
  ofOutbound.outbound.certificate = bad;
  CHECK(daemon::refusals({}, ofOutbound).size() == 1);
  config::Config authorities = next;
  authorities.clientCa = "/etc/passwd";
  CHECK_FALSE(daemon::refusals({}, authorities).empty());
}

TEST_CASE("a configuration in the folder of data_dir cannot be read again once it is replaced") {
  config::Config config;
  config.dataDir = "/tmp/suite/data";
  config.runDir = "/tmp/suite/run";
  CHECK(daemon::standsAlone(config, "/tmp/suite/ostler.yaml"));
  CHECK_FALSE(daemon::standsAlone(config, "/tmp/suite/etc/ostler.yaml"));
}
