// The store on a disk of which any call fails: writes, syncs, renames, unlinks of log, large messages and compaction.
#include <map>

#include "libmailcore/store/maintenance.h"
#include "tests/unit/libmailcore/journal/power_cut_disk.h"
#include "tests/unit/libmailcore/store/store_suite.h"

namespace ostler::store::test {
namespace {

using journal::PowerCutDisk;

constexpr std::uint32_t kOld = 10;  // messages, enough of them for compaction when they go

std::string large(char letter) { return std::string(1'200'000, letter) + "\r\n"; }

/// Everything that writes, each step with what came of it.
class Steps {
 public:
  explicit Steps(Fixture& f) : f_(f) {}
  void all() {
    deliver({"a"});
    deliver({"b"}, large('b'));
    deliver({"c", "d"});
    deliverTogether(10);
    const auto inbox = f_.loop.runUntilDone(f_.account->mailbox(std::string("INBOX")));
    if (inbox) change(inbox->id);
    deliver({"e"}, large('e'));
    deliver({"f"});
  }
  struct Delivery {
    std::vector<std::string> ids;
    std::string body;
    std::optional<Error> refused;
    std::size_t step = 0;
  };
  std::vector<Delivery> deliveries;
  std::size_t lastGood = 0;  // step
  bool expunged = false;
  bool flagged = false;

  void deliver(const std::vector<std::string>& ids, const std::string& body = "Hello.\r\n") {
    std::vector<NewMessage> messages;
    for (const std::string& id : ids) {
      messages.push_back(Fixture::message(mail(id, "", body)));
      messages.back().deliveryId = id;
    }
    const auto done = f_.loop.runUntilDone(f_.account->append(std::move(messages)));
    deliveries.push_back({ids, body, done ? std::nullopt : std::optional(done.error()), ++step_});
    if (done) lastGood = step_;
  }

  /// So many at once, each by itself: they share syncs, and go over the end of a segment or two.
  void deliverTogether(int count) {
    TaskScope scope(f_.loop);
    for (int n = 0; n < count; ++n) scope.spawn(deliverOne("t" + std::to_string(n)));
    (void)f_.loop.runUntilDone(scope.whenIdle(Deadline::never()));
  }

 private:
  Task<void> deliverOne(std::string id) {
    const std::string body(300'000, 't');
    std::vector<NewMessage> messages;
    messages.push_back(Fixture::message(mail(id, "", body + "\r\n")));
    messages.back().deliveryId = id;
    const auto done = co_await f_.account->append(std::move(messages));
    deliveries.push_back({{id}, body + "\r\n", done ? std::nullopt : std::optional(done.error()), ++step_});
    if (done) lastGood = step_;
  }
  void change(const MailboxId& inbox) {
    const UidSet old = UidSet::of({Uid{1}, Uid{kOld}});
    flagged = did(f_.account->changeFlags(inbox, UidSet::of({Uid{1}, Uid{kOld + 1}}), {FlagsOperation::Kind::add, {Flags::kSeen, {}}, {}}));
    expunged = did(f_.account->expunge(inbox, old, Account::Expunge::regardless));
  }
  template <class T>
  bool did(Task<Result<T>> task) {
    ++step_;
    const bool done = f_.loop.runUntilDone(std::move(task)).has_value();
    if (done) lastGood = step_;
    return done;
  }
  Fixture& f_;
  std::size_t step_ = 0;
};

/// How often each message is in INBOX; every one must be whole.
std::map<std::string, int> found(Fixture& f, const Steps& steps) {
  std::map<std::string, int> counts;
  for (const auto& row : visit(f, f.inbox().id)) {
    if (row.uid <= kOld) {
      ++counts["old"];
      continue;
    }
    const std::size_t at = row.content.find("Subject: ") + 9;
    const std::string id = row.content.substr(at, row.content.find('\r', at) - at);
    ++counts[id];
    for (const Steps::Delivery& delivery : steps.deliveries) {
      if (std::ranges::find(delivery.ids, id) != delivery.ids.end()) CHECK(row.content == mail(id, "", delivery.body));
    }
  }
  return counts;
}

void checkAfterwards(LocalFixture& f, Steps& steps) {
  auto counts = found(f, steps);
  for (const Steps::Delivery& delivery : steps.deliveries) {
    for (const std::string& id : delivery.ids) {
      INFO(id << (delivery.refused ? " was refused: " + delivery.refused->detail : " was acknowledged"));
      if (!delivery.refused) CHECK(counts[id] == 1);
      // Refused by one that wrote on afterwards: then it does not count, not even in the log.
      const bool gone = delivery.refused && delivery.refused->kind != Error::Kind::outcomeUnknown && delivery.step < steps.lastGood;
      if (gone) CHECK(counts[id] == 0);
      CHECK(counts[id] <= 1);
    }
  }
  CHECK((counts["old"] == 0 || (counts["old"] == static_cast<int>(kOld) && !steps.expunged)));
  if (steps.flagged) {
    const auto rows = visit(f, f.inbox().id, UidSet::of({Uid{1}, Uid{kOld + 1}}), {});
    for (const auto& row : rows) CHECK((row.flags.bits & Flags::kSeen) != 0);
  }
  // What was refused comes again, as the queue would send it.
  for (const Steps::Delivery& delivery : std::vector(steps.deliveries)) {
    if (delivery.refused) steps.deliver(delivery.ids, delivery.body);
  }
  counts = found(f, steps);
  for (const Steps::Delivery& delivery : steps.deliveries) {
    for (const std::string& id : delivery.ids) CHECK(counts[id] == 1);
  }
  f.close();
}

/// An account with old mail, which every round begins with a copy of.
struct Rounds {
  LocalFixture f;
  std::string kept = f.scratch.path() + "/kept";
  std::string path = f.scratch.path() + "/account";
  Rounds() {
    std::vector<NewMessage> messages;
    for (std::uint32_t i = 0; i < kOld; ++i) messages.push_back(Fixture::message(mail("old", "", std::string(900'000, 'o') + "\r\n")));
    f.run(f.account->append(std::move(messages)));
    f.close();
    std::filesystem::copy(path, kept, std::filesystem::copy_options::recursive);
  }
  /// Returns how many calls there were.
  std::size_t round(std::size_t first, std::size_t count) {
    f.close();
    std::filesystem::remove_all(path);
    std::filesystem::copy(kept, path, std::filesystem::copy_options::recursive);
    PowerCutDisk disk;
    disk.failCalls(first, count);
    f.disk = &disk;
    f.reopen();
    Steps steps(f);
    steps.all();
    f.close();  // waits for compaction
    f.disk = &journal::Disk::real();
    f.reopen();
    INFO("first to fail: " << disk.firstFailed());
    checkAfterwards(f, steps);
    // Where not even the next segment could be made it was not certain what counts, and the file of a large message was left.
    if (count > 1) CHECK(rebuildAccount(f.scratch.make("account").get()));
    CHECK(problemsOf(f.scratch) == "");
    return disk.calls();
  }
};

TEST_CASE("any one disk call of the store fails: what was acknowledged is there, what was refused is whole once it comes again", "[store]") {
  Rounds rounds;
  std::size_t call = 0;
  for (bool failed = true; failed;) {
    INFO("call " << ++call);
    failed = rounds.round(call, 1) >= call;
  }
  CHECK(call > 50);  // that many there are
}

TEST_CASE("the store's disk fails for good, from any call on, and is mended", "[store]") {
  Rounds rounds;
  std::size_t call = 1;
  for (bool failed = true; failed; call += 2) {
    INFO("from call " << call);
    failed = rounds.round(call, PowerCutDisk::kForEver) >= call;
  }
}

}  // namespace
}  // namespace ostler::store::test
