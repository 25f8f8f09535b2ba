#include "libmailcore/store/maintenance.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>

#include "libmailcore/store/local/account.h"
#include "libmailcore/store/local/lock.h"
#include "libmailcore/store/local/rebuild.h"

namespace ostler::store {

using namespace local;

namespace {

constexpr const char* kScratchIndex = "index.check";

std::string pathIn(int folder, const std::string& name) { return "/proc/self/fd/" + std::to_string(folder) + "/" + name; }

/// The scratch index, gone when this goes.
struct ScratchFiles {
  int folder;
  explicit ScratchFiles(int f) : folder(f) { remove(); }
  ~ScratchFiles() { remove(); }
  void remove() const {
    ::unlinkat(folder, kScratchIndex, 0);
    ::unlinkat(folder, (std::string(kScratchIndex) + "-lock").c_str(), 0);
  }
};

std::vector<std::string> filesIn(int folder) {
  std::vector<std::string> names;
  const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const directory = copy < 0 ? nullptr : ::fdopendir(copy);
  if (directory == nullptr) {
    if (copy >= 0) ::close(copy);
    return names;
  }
  while (const dirent* const entry = ::readdir(directory)) names.emplace_back(entry->d_name);
  ::closedir(directory);
  return names;
}

// Files of messages that the index does not know, and drafts whose writer died.
std::vector<std::string> unreferencedFiles(int logFolder, const Txn& txn) {
  std::vector<std::string> found;
  for (const std::string& name : filesIn(logFolder)) {
    if (name.starts_with("draft-")) found.push_back(name);
    if (!name.ends_with(".msg")) continue;
    const auto id = Id128::parse(name.substr(0, name.size() - 4));
    const auto row = id ? txn.get(Table::mail, id->octets()) : std::nullopt;
    if (!row || mailRow(*row).place.kind != ContentKind::file) found.push_back(name);
  }
  return found;
}

void checkContents(const Txn& txn, int logFolder, CheckReport& report) {
  OpenSegments segments(logFolder);
  Cursor mail(txn, Table::mail);
  for (bool there = mail.first(); there; there = mail.next()) {
    const EmailId id = Id128::fromOctets(mail.key()).value_or(EmailId{});
    const MailRow row = mailRow(mail.value());
    const auto content = openContent(segments, logFolder, id, row.place);
    const auto octets = content ? readAll(**content) : Result<std::string>(fail(content.error()));
    ++report.messages;
    report.octets += row.place.size();
    if (!octets) report.problems.push_back("message " + id.text() + ": " + octets.error().detail);
  }
}

class Maintained {
 public:
  explicit Maintained(int folder)
      : folder_(folder),
        log_(::openat(folder, "log", O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        lockFile_(::openat(folder, "lock", O_RDWR | O_CLOEXEC)) {}

  Result<CheckReport> check() {
    return besideTheLog([this](const Index::Read& fresh, CheckReport& report) {
      checkContents(fresh, log_.get(), report);
      countMailboxes(fresh, report);
      for (const std::string& name : unreferencedFiles(log_.get(), fresh)) report.problems.push_back("log/" + name + " belongs to no message");
      compare(fresh, report);
    });
  }

  Result<CheckReport> rebuildAll() {
    return besideTheLog([this](const Index::Read& fresh, CheckReport& report) {
      countMailboxes(fresh, report);
      if (const auto row = fresh.get(Table::state, kAccountKey)) {
        report.messages = accountRow(*row).messages;
        report.octets = accountRow(*row).octets;
      }
      replace(fresh, report);
      for (const std::string& name : unreferencedFiles(log_.get(), fresh)) {
        ::unlinkat(log_.get(), name.c_str(), 0);
        report.repaired.push_back("log/" + name + " removed");
      }
    });
  }

 private:
  /// With the account locked and an index that is made of the log alone: `work(fresh, report)`.
  template <class Work>
  Result<CheckReport> besideTheLog(Work&& work) {
    if (!log_ || !lockFile_) return fail(Error::Kind::permanent, "there is no account in this folder");
    const auto lock = HeldLock::take(lockFile_.get(), Deadline::after(kLockWait));
    if (!lock) return fail(lock.error());
    CheckReport report;
    const ScratchFiles scratch(folder_);
    const Rebuilt rebuilt = rebuild(report);
    const Index::Read fresh(rebuilt.index);
    work(fresh, report);
    return report;
  }

  void compare(const Index::Read& fresh, CheckReport& report) const {
    try {
      const auto index = Index::open(pathIn(folder_, "index.mdb"), Index::Mode::open);
      const Index::Read current(index);
      const std::uint64_t different = differences(current, fresh);
      if (different > 0) report.problems.push_back(fmt::format("index: {} rows differ from the log; run `ostler mailbox rebuild`", different));
    } catch (const IndexFailure& failure) {
      report.problems.emplace_back(failure.what());
    }
  }

  void replace(const Index::Read& fresh, CheckReport& report) {
    const std::shared_ptr<Index> index = openOrReplace(report);
    {
      Index::Write write(index);
      const std::uint64_t different = differences(write, fresh);
      if (different > 0) copyAll(fresh, write);
      if (different > 0) report.repaired.push_back(fmt::format("index: {} rows made anew", different));
      write.commit();
    }
    index->sync();
  }

  Rebuilt rebuild(CheckReport& report) {
    Rebuilt rebuilt = rebuildInto(pathIn(folder_, kScratchIndex), log_.get());
    for (const journal::Damage& damage : rebuilt.damage) {
      report.problems.push_back(fmt::format("log: segment {:x} at {} to segment {:x} at {}: {}", damage.from.segment, damage.from.offset,
                                            damage.to.segment, damage.to.offset, damage.what));
    }
    return rebuilt;
  }
  std::shared_ptr<Index> openOrReplace(CheckReport& report) {
    try {
      return Index::open(pathIn(folder_, "index.mdb"), Index::Mode::create);
    } catch (const IndexFailure& failure) {
      report.repaired.push_back(std::string("index replaced: ") + failure.what());
      ::unlinkat(folder_, "index.mdb", 0);
      ::unlinkat(folder_, "index.mdb-lock", 0);
      return Index::open(pathIn(folder_, "index.mdb"), Index::Mode::create);
    }
  }
  static void countMailboxes(const Txn& txn, CheckReport& report) {
    Cursor cursor(txn, Table::state);
    for (bool there = cursor.seek("b"); there && cursor.key().starts_with("b"); there = cursor.next()) ++report.mailboxes;
  }

  int folder_;
  UniqueFd log_;
  UniqueFd lockFile_;
};

}  // namespace

Result<CheckReport> checkAccount(int folder) {
  return guarded([&] { return Maintained(folder).check(); });
}

Result<CheckReport> rebuildAccount(int folder) {
  return guarded([&] { return Maintained(folder).rebuildAll(); });
}

}  // namespace ostler::store
