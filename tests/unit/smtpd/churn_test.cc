// Thousands of sessions whose clients and whose own lives end at random moments: in a command, inside DATA, while the spool is asked.
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "libmailcore/ipc/draft.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/message.h"
#include "libmailcore/ipc/policy.h"
#include "tests/unit/smtpd/stage.h"
#include "tests/unit/support/cut_short.h"

namespace ostler::smtpd {
namespace {

using namespace std::chrono_literals;

/// Its answers take their time, as those of a spool in another process do.
class SlowPolicy final : public FakePolicy {
 public:
  SlowPolicy(Loop& loop, std::mt19937& random) : FakePolicy(loop), loop_(loop), random_(random) {}
  Task<Result<ipc::RecipientReply>> checkRecipient(ipc::CheckRecipient request, Deadline deadline) override {
    Result<ipc::RecipientReply> reply = co_await FakePolicy::checkRecipient(std::move(request), deadline);
    co_await loop_.sleepUntil(soon());
    co_return reply;
  }
  Task<Result<ipc::SmtpReply>> openDraft(ipc::OpenDraft request, Deadline deadline) override {
    Result<ipc::SmtpReply> reply = co_await FakePolicy::openDraft(std::move(request), deadline);
    co_await loop_.sleepUntil(soon());
    co_return reply;
  }
  Task<Result<ipc::Empty>> sendData(ipc::DraftData request, Deadline deadline) override {
    Result<ipc::Empty> reply = co_await FakePolicy::sendData(std::move(request), deadline);
    co_await loop_.sleepUntil(soon());
    co_return reply;
  }
  Task<Result<ipc::CommitReply>> commit(ipc::CommitDraft request, Deadline deadline) override {
    Result<ipc::CommitReply> reply = co_await FakePolicy::commit(std::move(request), deadline);
    co_await loop_.sleepUntil(soon());
    co_return reply;
  }

 private:
  Deadline soon() { return Deadline::after(std::chrono::microseconds(random_() % 2000)); }
  Loop& loop_;
  std::mt19937& random_;
};

constexpr std::string_view kEnd = "the end\r\n";

std::string contentOf(const std::string& token, std::size_t lines) {
  std::string content = "Subject: " + token + "\r\n\r\n";
  for (std::size_t n = 0; n < lines; ++n) content += "line " + std::to_string(n) + "\r\n";
  return content.append(kEnd);
}

Task<void> sendMail(Loop& loop, std::unique_ptr<net::Stream> stream, unsigned seed, std::vector<std::string>& acknowledged) {
  std::mt19937 random(seed);
  Caller caller(loop, std::move(stream));
  const auto greeting = co_await caller.reply();
  const auto hello = co_await caller.ask("EHLO x.example");
  for (int n = 0; greeting && hello && n < 5; ++n) {
    const std::string token = std::to_string(seed) + "/" + std::to_string(n);
    const auto begun = co_await caller.ask("MAIL FROM:<a@b.example>");
    const auto to = co_await caller.ask("RCPT TO:<alice@example.test>");
    const auto goAhead = co_await caller.ask("DATA");
    if (!begun || !to || !goAhead || goAhead->code != 354) co_return;
    const std::string content = contentOf(token, random() % 10 == 0 ? 12'000 : random() % 500);
    if (random() % 8 == 0) {
      co_await caller.send(content.substr(0, random() % content.size()));
      co_return;  // hangs up inside DATA
    }
    const auto taken = co_await caller.ask(content + ".");
    if (!taken) co_return;
    if (taken->code == 250) acknowledged.push_back(token);
  }
}

TEST_CASE("a thousand sessions that end at random moments leave no draft, no budget held and no message in part") {
  std::mt19937 random(26);
  Stage stage;
  SlowPolicy policy(stage.loop, random);
  constexpr std::size_t kBudget = 16U << 20;
  Surroundings around{stage.loop, stage.gate, policy, stage.budget, stage.tidier, stage.rates, stage.watched, stage.clock, log::Log()};
  std::vector<std::string> acknowledged;
  std::vector<test::Life<Session>> all;
  for (unsigned n = 0; n < 1000; ++n) {
    auto [server, client] = net::MemoryStream::makePair(stage.loop);
    auto session = std::make_unique<Session>(around, stage.arrival(std::move(server)));
    all.push_back(test::begin(stage.loop, std::move(session), sendMail(stage.loop, std::move(client), n, acknowledged)));
  }
  test::cutShort(stage.loop, std::move(all), random);
  CHECK(policy.openDrafts() == 0);
  CHECK(policy.discarded > 10);
  Budget::Share everything(stage.budget);
  CHECK(everything.hold(kBudget));
  std::set<std::string> there;
  for (const FakePolicy::Message& message : policy.accepted) {
    const std::string sent = message.asSent();
    CHECK(std::string_view(sent).ends_with(kEnd));
    there.insert(sent.substr(9, sent.find('\r') - 9));
  }
  CHECK(acknowledged.size() > 100);
  for (const std::string& token : acknowledged) CHECK(there.contains(token));
}

}  // namespace
}  // namespace ostler::smtpd
