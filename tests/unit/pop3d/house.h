// house.h - a pop3d session with everything around it in one process: memory streams, a memory store, an auth that
// knows alice.
#pragma once

#include <fcntl.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libmailcore/ipc/login.h"
#include "libmailcore/net/connection.h"
#include "libmailcore/net/memory_stream.h"
#include "libmailcore/store/failing_store.h"
#include "libmailcore/store/memory_store.h"
#include "pop3d/session.h"
#include "tests/unit/libmailcore/daemon/fake_directory.h"

namespace ostler::pop3 {

inline const Id128& aliceId() {
  static const Id128 id = Id128::make(fromUnixMillis(1));
  return id;
}

/// Knows alice with the password secret (PLAIN, LOGIN, and a stand-in for SCRAM whose success has data).
class FakeAuth {
 public:
  FakeAuth(Loop& loop, const std::string& path, FakeDirectory& directory) : server_(loop) {
    directory.serve(server_);
    server_.onWithDescriptors<ipc::LoginStart>(start);
    server_.onWithDescriptors<ipc::LoginContinue>(proceed);
    server_.onNotice<ipc::LoginCancel>([](std::shared_ptr<ipc::ServerConnection>, ipc::LoginCancel) {});
    if (!server_.listen(path, 0600)) std::abort();
  }

 private:
  using Answer = ipc::Client::Answer<ipc::LoginReply>;
  using State = ipc::LoginReply::State;

  static Answer answer(State state, std::string data = {}) {
    Answer out;
    out.message.state = state;
    out.message.data = std::move(data);
    out.message.conversation = 7;
    if (state == State::succeeded) {
      out.message.account.id = aliceId();
      out.message.account.address = "alice@example.test";
      out.descriptors.emplace_back(::open("/", O_PATH | O_CLOEXEC));
    }
    if (state == State::failed) out.message.reason = "credentials";
    return out;
  }
  static Task<Result<Answer>> start(std::shared_ptr<ipc::ServerConnection>, ipc::LoginStart request,
                                    std::vector<UniqueFd>) {
    const std::string right("\0alice\0secret", 13);
    if (request.mechanism == "PLAIN" && request.initial && request.initial->find("down") != std::string::npos) {
      co_return answer(State::unavailable);
    }
    if (request.mechanism == "PLAIN" && request.initial)
      co_return answer(*request.initial == right ? State::succeeded : State::failed);
    co_return answer(State::challenge, request.mechanism == "LOGIN"   ? "Password:"
                                       : request.mechanism == "PLAIN" ? ""
                                                                      : "r=1");
  }
  static Task<Result<Answer>> proceed(std::shared_ptr<ipc::ServerConnection>, ipc::LoginContinue request,
                                      std::vector<UniqueFd>) {
    if (request.response == "scram") co_return answer(State::succeeded, "v=final");
    const bool right = request.response == "secret" || request.response == std::string("\0alice\0secret", 13);
    co_return answer(right ? State::succeeded : State::failed);
  }
  ipc::Server server_;
};

class House {
 public:
  using MakeStore = std::function<std::unique_ptr<store::Store>(Loop&)>;
  explicit House(const MakeStore& makeStore = [](Loop& loop) { return store::makeMemoryStore(loop); })
      : store(std::make_unique<store::FailingStore>(makeStore(loop), faults)) {
    char name[] = "/tmp/ostler-pop3-XXXXXX";
    folder_ = ::mkdtemp(name);
    auth_ = std::make_unique<FakeAuth>(loop, folder_ + "/auth.sock", directory);
    client_ = std::make_unique<ipc::Client>(loop, folder_ + "/auth.sock");
    loggedIn_ = std::make_unique<daemon::LoggedIn>(loop, *client_);
    auto config = std::make_shared<config::Config>();
    config->hostName = "mail.example.test";
    config->pop3.auth.mechanisms = {"SCRAM-SHA-256", "PLAIN", "LOGIN"};
    config->pop3.auth.plaintextFrom = {net::Cidr::parse("127.0.0.0/8").value()};
    snapshot->config = config;
    worker = std::make_unique<Worker>(Worker{loop, gate, *client_, *loggedIn_, *store, pool, clock, log::Log()});
  }
  ~House() {
    worker.reset();
    loggedIn_.reset();
    client_.reset();
    auth_.reset();
    std::filesystem::remove_all(folder_);
  }

  void put(std::string content) { loop.runUntilDone(append(*store, std::move(content))); }
  /// A session and the client's end of its connection.
  std::pair<std::unique_ptr<Session>, std::unique_ptr<net::Connection>> connect(
      const std::string& from = "127.0.0.1:1234") {
    auto [ours, theirs] = net::MemoryStream::makePair(loop);
    return {std::make_unique<Session>(*worker, arrival(std::move(ours), from)),
            std::make_unique<net::Connection>(loop, std::move(theirs))};
  }
  daemon::Arrival arrival(std::unique_ptr<net::Stream> stream, const std::string& from) {
    daemon::Arrival out;
    out.stream = std::move(stream);
    out.client = net::Endpoint::parse(from).value();
    out.local = net::Endpoint::parse("127.0.0.1:110").value();
    out.snapshot = snapshot;
    out.plan = std::make_shared<daemon::ListenerPlan>();
    return out;
  }
  std::size_t messages() { return loop.runUntilDone(count(*store)); }

  /// As an IMAP session would.
  void remove(store::Uid uid) { loop.runUntilDone(expunge(*store, uid)); }

  Loop loop;
  FakeDirectory directory{loop};
  Gate gate{loop};
  Pool pool{"reading", 1};
  SystemClock clock;
  std::shared_ptr<store::Faults> faults = std::make_shared<store::Faults>();
  std::unique_ptr<store::Store> store;
  std::shared_ptr<daemon::Snapshot> snapshot = std::make_shared<daemon::Snapshot>();
  std::unique_ptr<Worker> worker;

 private:
  static Task<void> append(store::Store& store, std::string content) {
    auto account = co_await store.open(aliceId(), UniqueFd(), store::Quota{});
    std::vector<store::NewMessage> messages(1);
    messages[0].emailId = Id128::make(fromUnixMillis(1'790'000'000'000));
    messages[0].mailbox = std::string("INBOX");
    messages[0].content = std::move(content);
    auto appended = co_await (*account)->append(std::move(messages));
    if (!appended) std::abort();
  }
  static Task<void> expunge(store::Store& store, store::Uid uid) {
    auto account = co_await store.open(aliceId(), UniqueFd(), store::Quota{});
    const auto inbox = co_await (*account)->mailbox(std::string("INBOX"));
    store::UidSet uids;
    uids.add(uid);
    auto gone = co_await (*account)->expunge(inbox->id, uids, store::Account::Expunge::regardless);
    if (!gone) std::abort();
  }
  static Task<std::size_t> count(store::Store& store) {
    auto account = co_await store.open(aliceId(), UniqueFd(), store::Quota{});
    const auto inbox = co_await (*account)->mailbox(std::string("INBOX"));
    co_return static_cast<std::size_t>(inbox->messages);
  }
  std::string folder_;
  std::unique_ptr<FakeAuth> auth_;
  std::unique_ptr<ipc::Client> client_;
  std::unique_ptr<daemon::LoggedIn> loggedIn_;
};

}  // namespace ostler::pop3
