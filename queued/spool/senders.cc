#include "queued/spool/senders.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include "libmailcore/lmdb/lmdb.h"
#include "libmailcore/ipc/wire.h"

namespace ostler::spool {

namespace {

constexpr std::size_t kLongestKey = 500;     // LMDB takes 511
constexpr std::size_t kPairsKept = 100'000;  // while they cannot be written; others count as never written to

/// "alice@example.test\0bob@example.net": that she has written to him. Domains compare without case, and so do most users' names.
std::string pairKey(const std::string& user, const std::string& recipient) {
  return (user + '\0' + asciiLower(recipient)).substr(0, kLongestKey);
}

}  // namespace

// Two locks: the loop notes while a job of the pool waits for the disk. Whoever comes first writes all that was noted, so that it does
// not matter in which order the pool's threads take their jobs.
struct Senders::Book {
  struct Notes {
    std::map<std::string, std::string> rows;  // empty: to be removed
    std::vector<std::string> pairs;
    [[nodiscard]] bool isEmpty() const { return rows.empty() && pairs.empty(); }
  };
  Book(lmdb::Environment opened, MDB_dbi ofSenders, MDB_dbi ofKnown, log::Log to)
      : environment(std::move(opened)), senders(ofSenders), known(ofKnown), log(std::move(to)) {}

  void note(const std::string& user, const policy::Sender* sender) {
    const std::scoped_lock lock(noting);
    notes.rows[user] = sender == nullptr ? std::string() : ipc::encode(*sender);
  }
  void noteKnown(const std::string& user, const std::vector<std::string>& recipients) {
    const std::scoped_lock lock(noting);
    for (const std::string& recipient : recipients) notes.pairs.push_back(pairKey(user, recipient));
  }
  [[nodiscard]] bool hasNotes() {
    const std::scoped_lock lock(noting);
    return !notes.isEmpty();
  }
  /// What cannot be written stays noted.
  [[nodiscard]] Result<void> write();
  [[nodiscard]] Result<void> put(const Notes& taken);
  /// Told once, until it changes.
  void writeAndTell();
  [[nodiscard]] std::uint64_t countNew(const std::string& user, const std::vector<std::string>& recipients);

  lmdb::Environment environment;
  MDB_dbi senders;
  MDB_dbi known;
  log::Log log;
  std::atomic<bool> fails = false;
  std::mutex writing;
  std::mutex noting;  // for the notes, for a moment
  Notes notes;
};

Result<void> Senders::Book::write() {
  const std::scoped_lock lock(writing);
  Notes taken;
  {
    const std::scoped_lock noted(noting);
    std::swap(taken, notes);
  }
  if (taken.isEmpty()) return {};
  Result<void> written = put(taken);
  if (written) return written;
  const std::scoped_lock noted(noting);
  notes.rows.merge(taken.rows);  // what was noted meanwhile is newer, and stays
  const std::size_t room = kPairsKept - std::min(kPairsKept, notes.pairs.size());
  taken.pairs.resize(std::min(room, taken.pairs.size()));
  notes.pairs.insert(notes.pairs.end(), taken.pairs.begin(), taken.pairs.end());
  return written;
}

void Senders::Book::writeAndTell() {
  const Result<void> written = write();
  const bool hasFailed = !written;
  if (fails.exchange(hasFailed) == hasFailed) return;
  if (hasFailed) {
    log.error("senders-not-written", {{"reason", written.error().detail}});
  } else {
    log.info("senders-written-again");
  }
}

Result<void> Senders::Book::put(const Notes& taken) {
  Result<lmdb::Transaction> transaction = environment.write();
  if (!transaction) return fail(transaction.error());
  for (const auto& [user, row] : taken.rows) {
    Result<void> done;
    if (row.empty()) {
      done = transaction->erase(senders, user).map([](bool) {});
    } else {
      done = transaction->put(senders, user, row);
    }
    if (!done) return done;
  }
  for (const std::string& pair : taken.pairs) {
    const Result<void> done = transaction->put(known, pair, "");
    if (!done) return done;
  }
  return transaction->commit();
}

std::uint64_t Senders::Book::countNew(const std::string& user, const std::vector<std::string>& recipients) {
  writeAndTell();
  const Result<lmdb::Transaction> transaction = environment.read();
  if (!transaction) return 0;  // trouble with our disk is not the user's fault
  std::uint64_t fresh = 0;
  for (const std::string& recipient : recipients) {
    const auto found = transaction->get(known, pairKey(user, recipient));
    if (found && !*found) ++fresh;
  }
  return fresh;
}

Senders::Senders(Loop& loop, Pool& disk, std::shared_ptr<Book> book) : loop_(loop), disk_(disk), book_(std::move(book)) {}
Senders::~Senders() = default;

/// It is memory that can be done without, and no mail stands still for it.
Result<std::unique_ptr<Senders>> Senders::open(Loop& loop, Pool& disk, const std::string& folder, WallTime now, log::Log log) {
  Result<std::unique_ptr<Senders>> made = openAsItIs(loop, disk, folder, now, log);
  if (made || made.error().kind != Error::Kind::permanent) return made;
  log.error("senders-put-aside", {{"file", folder + "/senders.mdb.damaged"}, {"reason", made.error().detail}, {"lost", "who is frozen from sending, and whom users wrote to"}});
  putAside(folder);
  return openAsItIs(loop, disk, folder, now, log);
}

void Senders::putAside(const std::string& folder) {
  const std::string file = folder + "/senders.mdb";
  (void)::rename(file.c_str(), (file + ".damaged").c_str());
  (void)::unlink((file + "-lock").c_str());
}

Result<std::unique_ptr<Senders>> Senders::openAsItIs(Loop& loop, Pool& disk, const std::string& folder, WallTime now, const log::Log& log) {
  Result<lmdb::Environment> environment = lmdb::Environment::open(folder, 2, "senders.mdb");
  if (!environment) return fail(environment.error());
  Result<lmdb::Transaction> transaction = environment->write();
  if (!transaction) return fail(transaction.error());
  const Result<MDB_dbi> rows = environment->table(*transaction, "senders");
  const Result<MDB_dbi> known = environment->table(*transaction, "known");
  if (!rows || !known) return fail(rows ? known.error() : rows.error());
  std::unordered_map<std::string, policy::Sender> senders;
  std::vector<std::string> over;
  {
    lmdb::Cursor cursor(*transaction, *rows, "");
    while (cursor.next()) {
      const auto sender = ipc::decode<policy::Sender>(cursor.value());
      if (sender && !sender->isForgotten(now)) {
        senders.emplace(cursor.key(), *sender);
      } else {
        over.emplace_back(cursor.key());
      }
    }
    if (cursor.error() != 0) return lmdb::errorOf(cursor.error(), environment->path());
  }
  for (const std::string& user : over) (void)transaction->erase(*rows, user);
  const Result<void> committed = transaction->commit();
  if (!committed) return fail(committed.error());
  auto book = std::make_shared<Book>(std::move(*environment), *rows, *known, log);
  std::unique_ptr<Senders> made(new Senders(loop, disk, std::move(book)));
  made->senders_ = std::move(senders);
  return made;
}

Task<policy::Amount> Senders::amountOf(std::string user, std::vector<std::string> recipients, config::SendingLimits limits) {
  policy::Amount amount;
  amount.messages = 1;
  amount.recipients = recipients.size();
  if (!limits.countsNew()) co_return amount;
  auto job = [book = book_, who = std::move(user), to = std::move(recipients)]() -> Result<std::uint64_t> { return book->countNew(who, to); };
  const Result<std::uint64_t> fresh = co_await disk_.run(loop_, std::move(job));
  amount.newRecipients = fresh.value_or(0);
  co_return amount;
}

std::optional<std::string> Senders::look(const std::string& user, const config::SendingLimits& limits, const policy::Amount& more,
                                         WallTime now) const {
  const auto found = senders_.find(user);
  static const policy::Sender kNothing;
  const policy::Sender& sender = found == senders_.end() ? kNothing : found->second;
  if (sender.isFrozen()) return sender.reason;
  return policy::excess(sender, limits, more, now);
}

std::optional<std::string> Senders::ask(const std::string& user, const config::SendingLimits& limits, const policy::Amount& more,
                                        WallTime now) {
  std::optional<std::string> why = look(user, limits, more, now);
  if (!why || senders_[user].isFrozen()) return why;
  freeze(user, *why, now);
  if (tell_) tell_(user, *why);
  return why;
}

void Senders::count(const std::string& user, const policy::Amount& amount, const std::vector<std::string>& recipients, WallTime now) {
  policy::count(senders_[user], amount, now);
  changed(user);
  if (amount.newRecipients > 0) book_->noteKnown(user, recipients);
}

void Senders::takeBack(const std::string& user, const policy::Amount& amount) {
  const auto found = senders_.find(user);
  if (found == senders_.end()) return;
  policy::takeBack(found->second, amount);
  changed(user);
}

void Senders::freeze(const std::string& user, const std::string& reason, WallTime now) {
  policy::Sender& sender = senders_[user];
  sender.frozen = now;
  sender.reason = reason;
  changed(user);
  flushNow();
}

bool Senders::thaw(const std::string& user) {
  const auto found = senders_.find(user);
  if (found == senders_.end() || !found->second.isFrozen()) return false;
  senders_.erase(found);
  book_->note(user, nullptr);
  flushNow();
  return true;
}

void Senders::changed(const std::string& user) {
  book_->note(user, &senders_[user]);
  if (tellChange_) tellChange_();
}

bool Senders::hasNotes() const { return book_->hasNotes(); }

void Senders::flush(WallTime now) {
  if (now >= flushed_ && now - flushed_ < std::chrono::seconds(1)) return;
  flushed_ = now;
  if (book_->hasNotes()) flushNow();
}

void Senders::flushNow() {
  disk_.post([book = book_] { book->writeAndTell(); });
}

}  // namespace ostler::spool
