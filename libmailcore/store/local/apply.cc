// apply.cc - mailboxes and what every record has. Who is in them: apply_members.cc; the messages' own rows: apply_mail.cc.
#include "libmailcore/store/local/apply.h"

#include "libmailcore/store/octets.h"

namespace ostler::store::local {

void contradiction(const char* what) {
  throw IndexFailure(Error::Kind::permanent, std::string("log and index contradict each other: ") + what);
}

Apply::Apply(Txn& txn, ReadFile readFile) : txn_(txn), readFile_(std::move(readFile)) {
  if (const auto row = txn_.get(Table::state, kAccountKey)) account_ = accountRow(*row);
}

void Apply::record(const LogRecord& record, journal::Position at, std::uint64_t contentLength) {
  at_ = at;
  contentLength_ = contentLength;
  std::visit([this](const auto& one) { apply(one); }, record);
}

void Apply::finish(const journal::LogEnd& end) {
  for (auto& [number, box] : boxes_) {
    settle(number);
    if (box.changed) txn_.put(Table::state, mailboxKey(number), encodeRow(box.row));
    box.changed = false;
  }
  if (accountChanged_) txn_.put(Table::state, kAccountKey, encodeRow(account_));
  accountChanged_ = false;
  txn_.put(Table::state, kLogEndKey, encodeRow(end));
}

// --- mailboxes -------------------------------------------------------------------------------------------------------------

Apply::Box* Apply::find(MailboxNumber number) {
  const auto cached = boxes_.find(number);
  if (cached != boxes_.end()) return &cached->second;
  const auto row = txn_.get(Table::state, mailboxKey(number));
  return row ? &boxes_.emplace(number, Box{mailboxRow(*row), false, {}}).first->second : nullptr;
}

Apply::Box& Apply::box(MailboxNumber number) {
  Box* const found = find(number);
  if (found == nullptr) contradiction("a record names a mailbox that is not there");
  return *found;
}

const MailboxRow* Apply::mailbox(MailboxNumber number) {
  const Box* const found = find(number);
  return found == nullptr ? nullptr : &found->row;
}

const MailboxRow* Apply::mailbox(const MailboxId& id) {
  const auto number = txn_.get(Table::state, mailboxIdKey(id));
  return number ? mailbox(OctetReader(*number).varint32()) : nullptr;
}

const MailboxRow* Apply::mailbox(std::string_view name) {
  const auto number = txn_.get(Table::state, mailboxNameKey(name));
  return number ? mailbox(OctetReader(*number).varint32()) : nullptr;
}

void Apply::touched(Box& box, ModSeq modSeq) {
  box.row.highestModSeq = std::max(box.row.highestModSeq, modSeq);
  box.changed = true;
  account_.modSeq = std::max(account_.modSeq, modSeq);
  accountChanged_ = true;
  if (changes_.empty() || changes_.back().mailbox != box.row.id) changes_.push_back({box.row.id, 0});
  changes_.back().modSeq = modSeq;
}

void Apply::apply(const MailboxMade& r) {
  MailboxRow row;
  row.number = r.number;
  row.id = r.id;
  row.name = r.name;
  row.uidValidity = r.uidValidity;
  row.specialUse = r.specialUse;
  row.highestModSeq = row.membersModSeq = row.historyStartsAt = r.modSeq;
  std::string number;
  putVarint(number, r.number);
  txn_.put(Table::state, mailboxIdKey(r.id), number);
  txn_.put(Table::state, mailboxNameKey(r.name), number);
  account_.nextMailbox = std::max(account_.nextMailbox, r.number + 1);
  account_.lastUidValidity = std::max(account_.lastUidValidity, r.uidValidity);
  Box& made = boxes_.insert_or_assign(r.number, Box{std::move(row), true, {}}).first->second;
  touched(made, r.modSeq);
  changes_.push_back({MailboxId{}, r.modSeq});
}

void Apply::apply(const MailboxDeleted& r) {
  Box& gone = box(r.number);
  settle(r.number);
  for (const EmailId& id : takeOut(gone, UidSet::all(), r.modSeq)) release(id);
  Cursor history(txn_, Table::known);
  const std::string prefix = historyKey(r.number, 0).substr(0, 5);
  while (history.seek(prefix) && history.key().starts_with(prefix)) history.erase();
  txn_.erase(Table::state, mailboxIdKey(gone.row.id));
  txn_.erase(Table::state, mailboxNameKey(gone.row.name));
  txn_.erase(Table::state, mailboxKey(r.number));
  touched(gone, r.modSeq);
  boxes_.erase(r.number);
  changes_.push_back({MailboxId{}, r.modSeq});
}

void Apply::apply(const MailboxRenamed& r) {
  Box& renamed = box(r.number);
  std::string number;
  putVarint(number, r.number);
  // A chain of renames in one batch may have given the old name to another mailbox already.
  const auto holder = txn_.get(Table::state, mailboxNameKey(renamed.row.name));
  if (holder && *holder == number) txn_.erase(Table::state, mailboxNameKey(renamed.row.name));
  txn_.put(Table::state, mailboxNameKey(r.name), number);
  renamed.row.name = r.name;
  touched(renamed, r.modSeq);
  changes_.push_back({MailboxId{}, r.modSeq});
}

void Apply::apply(const Subscribed& r) {
  if (r.subscribed) {
    txn_.put(Table::state, subscriptionKey(r.name), "");
  } else {
    txn_.erase(Table::state, subscriptionKey(r.name));
  }
  changes_.push_back({MailboxId{}, account_.modSeq});
}

void Apply::apply(const KeywordsAdded& r) {
  Box& changed = box(r.mailbox);
  for (const std::string& keyword : r.keywords) changed.row.keywords.push_back(keyword);
  changed.changed = true;
}

// Segments before the snapshot that hold nothing live may be unlinked: they are not counted any more.
void Apply::apply(const SnapshotEnded&) {
  Cursor cursor(txn_, Table::state);
  const std::string end = segmentKey(at_.segment);
  for (bool there = cursor.seek("g"); there && cursor.key() < end;) {
    const std::string key(cursor.key());
    const bool dead = key.starts_with("g") && segmentRow(cursor.value()).live == 0;
    if (dead) cursor.erase();
    there = dead ? cursor.seek(key) : cursor.next();
  }
}

}  // namespace ostler::store::local
