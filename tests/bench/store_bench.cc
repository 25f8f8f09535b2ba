// store_bench.cc - how long the store of this machine takes, without protocols: the rows of the goals for one mailbox of N messages,
// and deliveries to several accounts. Not built by default: cmake --build BUILD --target store_bench
// usage: store_bench [N]                  prints the table
//        store_bench append FOLDER N EACH appends N messages of 4 KiB to the INBOX of an account in FOLDER, EACH at a time
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "libmailcore/async/loop.h"
#include "libmailcore/store/local_store.h"

namespace ostler::store {
namespace {

using Clock = std::chrono::steady_clock;

Id128 freshId() { return Id128::make(SystemClock().now()); }

struct Counting final : Visitor {
  std::size_t rows = 0;
  std::size_t octets = 0;
  std::string buffer;
  void begin(const MailboxInfo&) override { rows = octets = 0; }
  bool row(const MessageRow& r) override {
    ++rows;
    octets += r.envelope.size() + r.bodyStructure.size() + r.summary.size();
    if (r.content) {
      buffer.resize(r.content->size());
      if (r.content->read(0, buffer)) octets += buffer.size();
    }
    return true;
  }
};

std::string mail(std::size_t n, std::size_t size) {
  std::string text = fmt::format(
      "Return-Path: <sender{0}@example.test>\r\nReceived: from a.example.test by b.example.test; Sat, 21 Nov 2026 10:00:00 +0000\r\n"
      "From: Sender {0} <sender{0}@example.test>\r\nTo: Alice <alice@example.test>\r\nSubject: Message number {0}\r\n"
      "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{0}@example.test>\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n\r\n",
      n);
  while (text.size() < size) text += "The quick brown fox jumps over the lazy dog, again and again and again.\r\n";
  return text;
}

NewMessage message(std::size_t n, std::size_t size) {
  NewMessage m;
  m.emailId = freshId();
  m.mailbox = std::string("INBOX");
  m.content = mail(n, size);
  m.internalDate = 1'790'000'000 + static_cast<std::int64_t>(n);
  m.deliveryId = "bench/" + m.emailId.text();
  return m;
}

class Bench {
 public:
  Bench(const std::string& root, std::size_t count) : root_(root), count_(count) {
    shared_ = makeLocalShared({.notifyDir = root + "/notify", .log = {}}).value();
    store_ = makeLocalStore(loop_, shared_);
  }
  ~Bench() {
    store_.reset();
    shared_.reset();
  }

  void mailbox() {
    const auto account = open("large");
    timed("append, 100 a batch, 4 KiB each: messages/s", [&] {
      for (std::size_t done = 0; done < count_; done += 100) {
        std::vector<NewMessage> batch;
        for (std::size_t i = 0; i < 100; ++i) batch.push_back(message(done + i, 4096));
        run(account->append(std::move(batch)));
      }
    }, count_);
    const MailboxInfo inbox = run(account->mailbox(std::string("INBOX")));
    const MailboxInfo archive = run(account->mailbox(std::string("Archive")));
    const MailboxInfo trash = run(account->mailbox(std::string("Trash")));
    timed("append, one at a time, into the full mailbox: messages/s", [&] { appendEach(account, 500, "INBOX"); }, 500);
    timed("append, one at a time, into an empty mailbox: messages/s", [&] { appendEach(account, 500, "Junk"); }, 500);
    for (int i = 0; i < 3; ++i) timed("mailbox(id) x 1000", [&] {
      for (int k = 0; k < 1000; ++k) run(account->mailbox(inbox.id));
    });
    timed("uids, first", [&] { run(account->uids(inbox.id)); });
    timed("uids, again", [&] { run(account->uids(inbox.id)); });
    for (int i = 0; i < 3; ++i) visit("visit flags", account, inbox.id, {});
    for (int i = 0; i < 3; ++i) visit("visit dates", account, inbox.id, {.dates = true});
    for (int i = 0; i < 3; ++i) visit("visit envelope", account, inbox.id, {.envelope = true});
    for (int i = 0; i < 2; ++i) visit("visit summary", account, inbox.id, {.summary = true});
    for (int i = 0; i < 2; ++i) visit("visit content", account, inbox.id, {.content = true});
    for (int i = 0; i < 4; ++i) {
      const auto kind = i % 2 == 0 ? FlagsOperation::Kind::add : FlagsOperation::Kind::remove;
      timed("changeFlags 1:*", [&] { run(account->changeFlags(inbox.id, UidSet::all(), {kind, {Flags::kFlagged, {}}, {}})); });
    }
    timed("changesSince(now)", [&] { run(account->changesSince(inbox.id, run(account->mailbox(inbox.id)).highestModSeq)); });
    for (std::uint32_t i = 0; i < 2; ++i) {
      const UidSet some = UidSet::of({Uid{1 + i * 10'000}, Uid{10'000 + i * 10'000}});
      timed("copy 10,000", [&] { run(account->copy(inbox.id, some, archive.id)); });
      timed("move 10,000", [&] { run(account->move(inbox.id, some, trash.id)); });
    }
    timed("expunge 10,000 (last copies)", [&] {
      run(account->expunge(inbox.id, UidSet::of({Uid{30'001}, Uid{40'000}}), Account::Expunge::regardless));
    });
  }

  void append(std::size_t each) {
    const auto account = open("account");
    for (std::size_t done = 0; done < count_; done += each) {
      std::vector<NewMessage> batch;
      for (std::size_t i = 0; i < each; ++i) batch.push_back(message(done + i, 4096));
      for (NewMessage& one : batch) {  // as IMAP's APPEND of messages that have nothing to do with each other
        one.deliveryId.clear();
        one.content.replace(one.content.find("Message-ID: <") + 13, 0, one.emailId.text());
      }
      run(account->append(std::move(batch)));
    }
  }

  void deliveries(std::size_t accounts, std::size_t parallel, std::size_t each) {
    std::vector<std::shared_ptr<Account>> open_;
    for (std::size_t i = 0; i < accounts; ++i) open_.push_back(open("u" + std::to_string(i)));
    timed(fmt::format("deliver 4 KiB one by one, {} accounts, {} at once: messages/s", accounts, parallel), [&] {
      TaskScope scope(loop_);
      for (std::size_t i = 0; i < parallel; ++i) scope.spawn(deliverSome(open_[i % accounts], each));
      const Result<void> idle = loop_.runUntilDone(scope.whenIdle(Deadline::never()));
      (void)idle;
    }, parallel * each);
  }

 private:
  static Task<void> deliverSome(std::shared_ptr<Account> account, std::size_t each) {
    for (std::size_t i = 0; i < each; ++i) {
      std::vector<NewMessage> one;
      one.push_back(message(i, 4096));
      const auto done = co_await account->append(std::move(one));
      if (!done) std::abort();
    }
  }
  std::shared_ptr<Account> open(const std::string& name) {
    ::mkdir((root_ + "/" + name).c_str(), 0700);
    return run(store_->open(freshId(), UniqueFd(::open((root_ + "/" + name).c_str(), O_PATH | O_CLOEXEC)), {}));
  }
  void appendEach(const std::shared_ptr<Account>& account, std::size_t times, const std::string& mailbox) {
    for (std::size_t i = 0; i < times; ++i) {
      std::vector<NewMessage> one;
      one.push_back(message(i, 4096));
      one.front().mailbox = mailbox;
      run(account->append(std::move(one)));
    }
  }
  void visit(const char* what, const std::shared_ptr<Account>& account, const MailboxId& id, Columns columns) {
    const auto counting = std::make_shared<Counting>();
    timed(what, [&] { run(account->visit(id, UidSet::all(), columns, counting)); });
  }
  template <class T>
  T run(Task<Result<T>> task) {
    auto result = loop_.runUntilDone(std::move(task));
    if (!result) {
      fmt::print("error: {}\n", result.error().detail);
      std::exit(1);
    }
    if constexpr (!std::is_void_v<T>) return std::move(*result);
  }
  template <class Work>
  void timed(const std::string& what, Work work, std::size_t perSecondOf = 0) {
    const auto start = Clock::now();
    work();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (perSecondOf > 0) {
      fmt::print("{:<64} {:>10.0f}\n", what, static_cast<double>(perSecondOf) / seconds);
    } else {
      fmt::print("{:<64} {:>10.2f} ms\n", what, seconds * 1000);
    }
  }

  std::string root_;
  std::size_t count_;
  Loop loop_;
  std::shared_ptr<LocalShared> shared_;
  std::unique_ptr<Store> store_;
};

}  // namespace
}  // namespace ostler::store

int main(int argc, char** argv) {
  if (argc == 5 && std::string(argv[1]) == "append") {
    ostler::store::Bench(argv[2], static_cast<std::size_t>(std::atol(argv[3]))).append(static_cast<std::size_t>(std::atol(argv[4])));
    return 0;
  }
  const std::size_t count = argc > 1 ? static_cast<std::size_t>(std::atol(argv[1])) : 100'000;
  std::string pattern = "/var/tmp/ostler-bench-XXXXXX";
  const std::string root = ::mkdtemp(pattern.data());
  {
    ostler::store::Bench bench(root, count);
    bench.deliveries(10, 10, 300);
    bench.deliveries(10, 50, 100);
    bench.deliveries(1, 1, 500);
    bench.deliveries(1, 20, 100);
    bench.mailbox();
  }
  std::filesystem::remove_all(root);
}
