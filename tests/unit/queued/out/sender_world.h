// sender_world.h - a Sender with its own DNS and certificates, and SMTP servers that do as a test says.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "libmailcore/dns/fixed_resolver.h"
#include "libmailcore/ipc/sending.h"
#include "queued/out/sender.h"
#include "tests/unit/libmailcore/net/test_certificates.h"
#include "tests/unit/queued/out/smtp_sink.h"

namespace ostler::out::test {

using Behaviour = SmtpSink::Behaviour;
using RecipientState = ipc::RecipientOutcome::State;

/// Sinks for MX hosts listen on 127.0.0.2, 127.0.0.3, ... with one port, as real hosts do.
struct World {
  World() {
    std::signal(SIGPIPE, SIG_IGN);
    settings->hostName = "me.example";
    settings->connectTimeout = std::chrono::seconds(2);
    settings->dnsTimeout = std::chrono::seconds(20);
    settings->timeouts.greeting = settings->timeouts.command = settings->timeouts.dataStart = settings->timeouts.dataEnd = std::chrono::milliseconds(500);
    settings->timeouts.dataBlock = settings->timeouts.quit = std::chrono::milliseconds(500);
    settings->resolver = dns;
    settings->tls = net::TlsClientContext::load(certificates.caFile()).value();
  }
  SmtpSink& sink(const std::string& address, Behaviour behaviour = {}) {
    sinks.push_back(std::make_unique<SmtpSink>(loop, address + ":" + std::to_string(settings->mxPort == 25 ? 0 : settings->mxPort),
                                               std::move(behaviour)));
    if (settings->mxPort == 25) settings->mxPort = sinks.back()->endpoint().port;
    return *sinks.back();
  }
  Sender& sender() {
    if (!sender_) sender_.emplace(loop, clock, settings, log::Log());
    return *sender_;
  }
  static ipc::Deliver message(std::vector<std::string> to, const std::string& domain = "rcpt.example") {
    ipc::Deliver out;
    out.queueId = "q1";
    out.nextHop.kind = ipc::NextHop::Kind::mx;
    out.nextHop.name = domain;
    out.heloName = "me.example";
    out.envelope.reversePath = "from@example";
    for (auto& path : to) out.envelope.recipients.push_back({std::move(path), "", 6, false});
    out.prefix = "Received: here\r\n";
    return out;
  }
  static UniqueFd content(ipc::Deliver& request, const std::string& text) {
    UniqueFd file(memfd_create("content", MFD_CLOEXEC));
    if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) throw std::runtime_error("write");
    request.length = text.size();
    return file;
  }
  ipc::DeliverOutcome send(ipc::Deliver request) {
    UniqueFd file = content(request, "Subject: x\r\n\r\nhello\r\n");
    return loop.runUntilDone(sender().deliver(std::move(request), std::move(file))).value();
  }
  ipc::RecipientOutcome sendOne(ipc::Deliver request) { return send(std::move(request)).recipients.at(0); }

  net::TestCertificates certificates;
  Loop loop;
  ManualClock clock{std::chrono::system_clock::now()};
  std::shared_ptr<dns::FixedResolver> dns = std::make_shared<dns::FixedResolver>();
  std::shared_ptr<Settings> settings = std::make_shared<Settings>();
  std::vector<std::unique_ptr<SmtpSink>> sinks;

 private:
  std::optional<Sender> sender_;
};

struct TwoHosts : World {
  TwoHosts() {
    dns->addMx("rcpt.example", 10, "mx1.rcpt.example");
    dns->addMx("rcpt.example", 20, "mx2.rcpt.example");
    dns->addAddress("mx1.rcpt.example", "127.0.0.2");
    dns->addAddress("mx2.rcpt.example", "127.0.0.3");
  }
};

}  // namespace ostler::out::test
