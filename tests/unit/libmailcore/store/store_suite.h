// store_suite.h - what a test of a Store needs, whichever store it is.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/store/local_store.h"
#include "libmailcore/store/memory_store.h"
#include "libmailcore/store/maintenance.h"
#include "libmailcore/store/store.h"
#include "tests/unit/support/temporary_folder.h"

namespace ostler::store::test {

inline Id128 freshId() { return Id128::make(SystemClock().now()); }

class ScratchFolder : public ostler::test::TemporaryFolder {
 public:
  UniqueFd make(const std::string& name) const {
    ::mkdir(file(name).c_str(), 0700);
    return UniqueFd(::open(file(name).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
};

/// A store of one kind, with one account.
struct Fixture {
  Loop loop;
  ScratchFolder scratch;
  std::unique_ptr<Store> store;
  Id128 accountId = freshId();
  std::shared_ptr<Account> account;

  template <class T>
  T run(Task<Result<T>> task) {
    Result<T> result = loop.runUntilDone(std::move(task));
    if (!result) FAIL("unexpected error: " << result.error().detail);
    if constexpr (!std::is_void_v<T>) return std::move(*result);
  }
  template <class T>
  Error::Kind errorOf(Task<Result<T>> task) {
    const Result<T> result = loop.runUntilDone(std::move(task));
    REQUIRE_FALSE(result);
    return result.error().kind;
  }
  std::shared_ptr<Account> open(Quota limits = {}) { return run(store->open(accountId, scratch.make("account"), limits)); }
  MailboxInfo inbox() { return run(account->mailbox(std::string("INBOX"))); }
  Appended append(const std::string& text, FlagNames flags = {}, const std::string& mailbox = "INBOX") {
    std::vector<NewMessage> messages;
    messages.push_back(message(text, mailbox));
    messages.back().flags = std::move(flags);
    return run(account->append(std::move(messages))).front();
  }
  static NewMessage message(const std::string& text, const std::string& mailbox = "INBOX") {
    NewMessage m;
    m.emailId = freshId();
    m.mailbox = mailbox;
    m.content = text;
    m.internalDate = 1'000'000'000;
    return m;
  }
};

struct MemoryFixture : Fixture {
  MemoryFixture() {
    store = makeMemoryStore(loop);
    account = open();
  }
};

struct LocalFixture : Fixture {
  std::shared_ptr<LocalShared> shared;
  const journal::Disk* disk = &journal::Disk::real();
  LocalFixture() { reopen(); }
  ~LocalFixture() { close(); }
  void close() {
    account.reset();
    store.reset();
    shared.reset();
  }
  void reopen() {
    makeStore();
    account = open();
  }
  /// As reopen(), where opening may fail.
  Result<void> openAnew() {
    makeStore();
    auto opened = loop.runUntilDone(store->open(accountId, scratch.make("account"), {}));
    if (!opened) return fail(opened.error());
    account = std::move(*opened);
    return {};
  }
  void makeStore() {
    close();
    auto made = makeLocalShared({.notifyDir = scratch.path() + "/notify", .log = {}, .disk = disk});
    REQUIRE(made);
    shared = std::move(*made);
    store = makeLocalStore(loop, shared);
  }
};

/// Remembers what it is shown.
class Collector : public Visitor {
 public:
  struct Row {
    std::uint32_t uid = 0;
    Flags flags;
    ModSeq modSeq = 0;
    std::int64_t internalDate = 0;
    std::uint64_t size = 0;
    EmailId emailId;
    EmailId threadId;
    std::string envelope, body, bodyStructure, subject, summary, uidl, content;
    bool operator==(const Row&) const = default;
  };
  void begin(const MailboxInfo& mailbox) override {
    info = mailbox;
    rows.clear();
  }
  bool row(const MessageRow& r) override {
    Row copy{r.uid.value, r.flags, r.modSeq, r.internalDate, r.size, r.emailId, r.threadId, std::string(r.envelope), std::string(r.body),
             std::string(r.bodyStructure), std::string(r.subject), std::string(r.summary), std::string(r.uidl), {}};
    if (r.content) {
      copy.content.resize(r.content->size());
      if (!r.content->read(0, copy.content)) copy.content = "unreadable";
    }
    rows.push_back(std::move(copy));
    return rows.size() < most;
  }
  MailboxInfo info;
  std::vector<Row> rows;
  std::size_t most = SIZE_MAX;
};

inline constexpr Columns kAllColumns{true, true, true, true, true, true, true};

inline std::vector<Collector::Row> visit(Fixture& f, const MailboxId& id, const UidSet& uids = UidSet::all(), Columns columns = kAllColumns) {
  const auto collector = std::make_shared<Collector>();
  f.run(f.account->visit(id, uids, columns, collector));
  return collector->rows;
}

inline std::string mail(const std::string& subject, const std::string& extra = "", const std::string& body = "Hello.\r\n") {
  return "From: A <a@example.test>\r\nTo: b@example.test\r\nSubject: " + subject + "\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n" + extra +
         "\r\n" + body;
}

inline std::string accountPath(const Fixture& f) { return f.scratch.path() + "/account"; }

/// How often each subject is in INBOX.
inline std::map<std::string, int> subjects(Fixture& f) {
  std::map<std::string, int> found;
  for (const auto& row : visit(f, f.inbox().id)) {
    const std::size_t at = row.content.find("Subject: ") + 9;
    ++found[row.content.substr(at, row.content.find('\r', at) - at)];
  }
  return found;
}

/// What `ostler mailbox check` finds wrong.
inline std::string problemsOf(const ScratchFolder& scratch) {
  const auto report = checkAccount(scratch.make("account").get());
  if (!report) return report.error().detail;
  std::string all;
  for (const std::string& problem : report->problems) all += problem + "\n";
  return all;
}

inline UidSet range(std::uint32_t first, std::uint32_t last) { return UidSet::of({Uid{first}, Uid{last}}); }

}  // namespace ostler::store::test
