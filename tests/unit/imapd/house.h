// house.h - imapd's sessions with everything around them in one process: streams in memory, a store, and an auth that knows alice with
// the password secret.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "imapd/session.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/net/connection.h"
#include "libmailcore/net/memory_stream.h"
#include "libmailcore/store/failing_store.h"
#include "libmailcore/store/memory_store.h"
#include "tests/unit/libmailcore/daemon/fake_directory.h"

namespace ostler::imap {

inline Id128 aliceId() { return *Id128::fromOctets("0123456789abcdef"); }

inline Task<Result<ipc::Client::Answer<ipc::LoginReply>>> answerLogin(std::shared_ptr<ipc::ServerConnection>,
                                                               ipc::LoginStart start, std::vector<UniqueFd>) {
  ipc::Client::Answer<ipc::LoginReply> answer;
  if (start.mechanism != "PLAIN") {
    answer.message.state = ipc::LoginReply::State::unavailable;
  } else if (!start.initial) {
    answer.message.state = ipc::LoginReply::State::challenge;
    answer.message.conversation = 7;
  } else if (*start.initial == std::string("\0alice\0secret", 13)) {
    answer.message.state = ipc::LoginReply::State::succeeded;
    answer.message.account.id = aliceId();
    answer.message.account.address = "alice@example.test";
  } else {
    answer.message.reason = "credentials";
  }
  co_return std::move(answer);
}

inline Task<Result<ipc::Client::Answer<ipc::LoginReply>>> continueLogin(std::shared_ptr<ipc::ServerConnection> from,
                                                                 ipc::LoginContinue next, std::vector<UniqueFd>) {
  ipc::LoginStart whole;
  whole.mechanism = "PLAIN";
  whole.initial = next.response;
  return answerLogin(std::move(from), std::move(whole), {});
}

class House {
 public:
  using MakeStore = std::function<std::unique_ptr<store::Store>(Loop&)>;
  explicit House(net::IpAddress client, const MakeStore& makeStore = [](Loop& loop) { return store::makeMemoryStore(loop); })
      : socket_("/tmp/imapd-test-" + std::to_string(::getpid()) + ".sock"),
        server_(loop_),
        auth_(loop_, socket_),
        store_(std::make_unique<store::FailingStore>(makeStore(loop_), faults_)),
        reading_("test-read", 1),
        clock_(fromUnixMillis(1'800'000'000'000)),
        worker_{loop_, auth_, *store_, reading_, users_, loggedIn_, clock_, log::Log()},
        client_(client),
        sessions_(loop_) {
    server_.onWithDescriptors<ipc::LoginStart>(answerLogin);
    server_.onWithDescriptors<ipc::LoginContinue>(continueLogin);
    directory.serve(server_);
    REQUIRE(server_.listen(socket_, 0600));
    auto config = std::make_shared<config::Config>();
    config->hostName = "mail.example.test";
    config->imap.auth.mechanisms = {"PLAIN", "LOGIN"};
    config->imap.auth.plaintextFrom = {*net::Cidr::parse("127.0.0.0/8")};
    config_ = config;
  }
  ~House() { ::unlink(socket_.c_str()); }

  Loop& loop() { return loop_; }
  FakeDirectory directory{loop_};
  [[nodiscard]] std::uint64_t appendOctets() const { return worker_.appendOctets; }
  store::Faults& faults() { return *faults_; }
  /// Puts so many messages into alice's INBOX.
  Task<Result<void>> fill(std::size_t count) {
    Result<std::shared_ptr<store::Account>> alice = co_await store_->open(aliceId(), UniqueFd(), {});
    if (!alice) co_return ostler::fail(alice.error());
    std::vector<store::NewMessage> messages(count);
    for (std::size_t at = 0; at < count; ++at) {
      messages[at].emailId = Id128::make(clock_.now());
      messages[at].mailbox = std::string("INBOX");
      messages[at].content = "Subject: number " + std::to_string(at + 1) + "\r\n\r\n";
    }
    Result<std::vector<store::Appended>> stored = co_await (*alice)->append(std::move(messages));
    co_return stored ? Result<void>() : ostler::fail(stored.error());
  }
  /// The client's end of the connection of that name, with a session behind it.
  net::Connection& connection(const std::string& name) {
    auto& there = connections_[name];
    if (!there) {
      auto [session, client] = connect();
      there = std::move(client);
      held_.push_back(std::move(session));
      sessions_.spawn(held_.back()->run());
    }
    return *there;
  }
  /// A session that does not run yet, and the client's end of its connection.
  std::pair<std::unique_ptr<Session>, std::unique_ptr<net::Connection>> connect() {
    auto [near, far] = net::MemoryStream::makePair(loop_);
    net::Endpoint peer;
    peer.address = client_;
    return {std::make_unique<Session>(worker_, Accepted{std::move(far), peer, net::Endpoint(), config_, nullptr}),
            std::make_unique<net::Connection>(loop_, std::move(near))};
  }

 private:
  std::string socket_;
  Loop loop_;
  ipc::Server server_;
  ipc::Client auth_;
  std::shared_ptr<store::Faults> faults_ = std::make_shared<store::Faults>();
  std::unique_ptr<store::Store> store_;
  Pool reading_;
  UserConnections users_;
  ManualClock clock_;
  daemon::LoggedIn loggedIn_{loop_, auth_};
  Worker worker_;
  net::IpAddress client_;
  std::shared_ptr<const config::Config> config_;
  std::map<std::string, std::unique_ptr<net::Connection>> connections_;
  std::vector<std::unique_ptr<Session>> held_;
  TaskScope sessions_;
};

}  // namespace ostler::imap
