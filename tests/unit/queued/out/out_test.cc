#include "queued/out/out.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>

#include "libmailcore/ipc/sending.h"
#include "libmailcore/ipc/socket.h"
#include "tests/unit/libmailcore/dns/nsd_server.h"
#include "tests/unit/libmailcore/net/test_certificates.h"
#include "tests/unit/queued/out/smtp_sink.h"

namespace ostler::out {
namespace {

using namespace std::chrono_literals;

// The whole process, confined as in production, in a folder of its own.
struct OutProcess {
  OutProcess(const std::string& folder, const std::string& settings) {
    file = folder + "/ostler.yaml";
    socket = folder + "/run/out.sock";
    std::filesystem::create_directories(folder + "/run");
    std::ofstream(file) << "host_name: me.example\nrun_dir: " << folder << "/run\ndata_dir: " << folder << "/data\n" << settings;
    start();
  }
  ~OutProcess() { stop(); }
  OutProcess(const OutProcess&) = delete;
  OutProcess& operator=(const OutProcess&) = delete;

  void start() {
    pid = fork();
    if (pid == 0) _exit(runOut(file));
  }
  int stop() {
    if (pid <= 0) return -1;
    kill(pid, SIGTERM);
    int status = 0;
    waitpid(std::exchange(pid, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }
  std::string file, socket;
  pid_t pid = -1;
};

ipc::Deliver message(const std::string& domain) {
  ipc::Deliver out;
  out.queueId = "q1";
  out.nextHop.name = domain;
  out.heloName = "me.example";
  out.envelope.reversePath = "from@example";
  out.envelope.recipients.push_back({"to@" + domain, "", 6, false});
  return out;
}

Task<Result<ipc::DeliverOutcome>> deliver(ipc::Client& client, ipc::Deliver request) {
  constexpr std::string_view kText = "Subject: x\r\n\r\nhello\r\n";
  UniqueFd file(memfd_create("content", MFD_CLOEXEC));
  if (::write(file.get(), kText.data(), kText.size()) < 0) co_return fail(Error::Kind::temporary, "memfd");
  request.length = kText.size();
  std::vector<UniqueFd> descriptors;
  descriptors.push_back(std::move(file));
  auto answer = co_await client.callWithDescriptors(std::move(request), std::move(descriptors), Deadline::after(20s));
  if (!answer) co_return fail(answer.error());
  co_return std::move(answer->message);
}

TEST_CASE("the confined process finds a host by DNS and delivers over verified TLS, reloads and drains") {
  if (!dns::NsdServer::available()) {
    ostler::test::skip("nsd and ldnsutils are missing");
    return;
  }
  net::TestCertificates certificates;
  const std::string folder = certificates.caFile() + ".out";
  dns::NsdServer nsd;
  nsd.addZone("rcpt.test", "@ MX 10 mx1\nmx1 A 127.0.0.2\n");
  nsd.start();
  std::signal(SIGPIPE, SIG_IGN);
  // The sink's port is needed before the process starts, and a fork must come before this process has threads or a loop.
  Result<UniqueFd> reserved = net::listenOn(net::Endpoint::parse("127.0.0.2:0").value());
  const std::string port = std::to_string(net::localEndpoint(reserved->get())->port);
  reserved->reset();  // or the child would hold it and get connections
  OutProcess process(folder, "dns:\n  servers: [\"" + nsd.endpoint().text() + "\"]\noutbound:\n  port: " + port + "\n  ca_file: " +
                                 certificates.caFile() + "\n");
  Loop loop;
  SmtpSink::Behaviour behaviour;
  behaviour.tls = net::TlsServerContext::load({certificates.leaf({"mx1.rcpt.test"})}).value();
  SmtpSink sink(loop, "127.0.0.2:" + port, behaviour);
  ipc::Client client(loop, process.socket);
  ipc::Deliver request = message("rcpt.test");
  request.nextHop.tlsRequired = true;
  request.nextHop.tlsVerify = static_cast<std::uint8_t>(net::TlsVerify::pkix);
  const auto first = loop.runUntilDone(deliver(client, request));
  INFO((first ? std::string() : first.error().detail));
  REQUIRE(first);
  CHECK(first->recipients.at(0).reply.text == "taken");
  CHECK(sink.messages.at(0).secured);

  // A good configuration is taken, a bad one refused while the old goes on.
  for (const char* const change : {"user: \"\"\n", "nonsense: 1\n"}) {
    std::ofstream(process.file, std::ios::app) << change;
    kill(process.pid, SIGHUP);
    const auto again = loop.runUntilDone(deliver(client, request));
    REQUIRE(again);
    CHECK(again->recipients.at(0).state == ipc::RecipientOutcome::State::delivered);
  }
  CHECK(process.stop() == 0);
}

}  // namespace
}  // namespace ostler::out
