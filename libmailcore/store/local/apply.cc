#include "libmailcore/store/local/apply.h"

#include <algorithm>

#include "libmailcore/store/local/walk.h"
#include "libmailcore/store/octets.h"

namespace ostler::store::local {
namespace {

std::uint64_t unseenIn(std::uint64_t flags) { return (flags & Flags::kSeen) == 0 ? 1 : 0; }
std::uint64_t deletedIn(std::uint64_t flags) { return (flags & Flags::kDeleted) != 0 ? 1 : 0; }

std::uint64_t translate(std::uint64_t flags, const std::vector<std::uint8_t>& keywordBits) {
  std::uint64_t out = flags & ((std::uint64_t{1} << Flags::kFirstKeyword) - 1);
  for (std::size_t place = 0; place < keywordBits.size() && place < Flags::kMaxKeywords; ++place) {
    if ((flags >> (Flags::kFirstKeyword + place) & 1) != 0 && keywordBits[place] < 64) out |= std::uint64_t{1} << keywordBits[place];
  }
  return out;
}

[[noreturn]] void contradiction(const char* what) {
  throw IndexFailure(Error::Kind::permanent, std::string("log and index contradict each other: ") + what);
}

}  // namespace

void putMail(Txn& txn, const EmailId& id, MailRow row, const PreparedColumns& columns) {
  const std::size_t size =
      columns.envelope.size() + columns.body.size() + columns.bodyStructure.size() + columns.subject.size() + columns.summary.size();
  row.preparedVersion = 0;
  std::string texts;
  if (size <= kPreparedKept) {
    row.preparedVersion = columns.version;
    texts = packTexts({columns.envelope, columns.body, columns.bodyStructure});
    row.texts = texts;
    txn.putBehind(Table::subject, id.octets(), encodeRow(TextRow{columns.version, columns.subject}));
    txn.putBehind(Table::summary, id.octets(), encodeRow(TextRow{columns.version, columns.summary}));
  }
  txn.putBehind(Table::mail, id.octets(), encodeRow(row));
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

// --- messages --------------------------------------------------------------------------------------------------------------

void Apply::enter(Box& box, const Entry& entry) {
  box.row.uidNext = entry.uid + 1;
  box.row.membersModSeq = entry.modSeq;
  ++box.row.messages;
  box.row.unseen += unseenIn(entry.flags);
  box.row.deleted += deletedIn(entry.flags);
  box.row.octets += entry.detail.size;
  ++account_.messages;
  account_.octets += entry.detail.size;
  box.pending.push_back(entry);
  touched(box, entry.modSeq);
}

// Fills the mailbox's last chunk, then new ones. Where chunks begin depends on the messages alone, never on how many came at once.
void Apply::settle(MailboxNumber number) {
  Box* const to = find(number);
  if (to == nullptr || to->pending.empty()) return;
  StateChunk state;
  DetailChunk detail;
  ChunkKey key{Column::state, number, 0};
  {
    Cursor cursor(txn_, Table::columns);
    if (seekChunk(cursor, number, to->pending.front().uid)) {
      if (const auto last = chunkAt(cursor, number)) {
        key = *last;
        readState(cursor.value(), key.firstUid, state);
        readDetail(txn_, key, detail);
      }
    }
  }
  const auto write = [&] {
    if (state.count == 0) return;
    txn_.put(Table::columns, chunkKey(Column::state, number, key.firstUid), encodeState(state, key.firstUid));
    txn_.put(Table::columns, chunkKey(Column::detail, number, key.firstUid), encodeDetail(detail));
  };
  bool filled = false;
  for (const Entry& entry : to->pending) {
    if (state.count == 0 || state.count == kChunkMessages || entry.uid - key.firstUid >= kChunkSpan) {
      if (filled) write();
      filled = false;
      state.count = detail.count = 0;
      key.firstUid = entry.uid;
    }
    state.uids[state.count] = entry.uid;
    state.flags[state.count] = entry.flags;
    state.modSeqs[state.count++] = entry.modSeq;
    detail.rows[detail.count++] = entry.detail;
    filled = true;
  }
  write();
  to->pending.clear();
}

void Apply::apply(const Arrival& r) {
  Box& to = box(r.mailbox);
  const Detail detail = newMail(r);
  enter(to, {r.uid.value, r.flags, r.modSeq, detail});
  if (!r.deliveryId.empty()) rememberDelivery(r, to);
}

// The row of an email id, made or used once more.
Detail Apply::newMail(const Arrival& r) {
  Detail detail{r.internalDate, r.saveDate, 0, r.emailId, r.threadId, 0};
  if (r.kind == ContentKind::known) {
    const auto octets = txn_.get(Table::mail, r.emailId.octets());
    if (!octets) contradiction("an arrival refers to an email id that is not there");
    const MailRow known = mailRow(*octets);
    detail.size = known.place.size();
    detail.threadId = known.threadId;
    detail.traits = known.traits;
    Cursor copies(txn_, Table::known);
    addCopy(copies, r.emailId);
    return detail;
  }
  MailRow row;
  row.place = {r.kind, at_, contentLength_ - r.tail.size(), r.tail.size(), r.fileOffset, r.fileLength, r.fileCrc};
  const auto hinted = hints_.find(r.emailId);
  const auto columns = hinted != hints_.end() ? hinted->second
                       : r.kind == ContentKind::here
                           ? std::make_shared<const PreparedColumns>(prepareColumns(r.tail))
                           : std::make_shared<const PreparedColumns>(prepareColumns(std::string(r.tail) + readFile_(r)));
  row.traits = packTraits(columns->traits);
  if (!r.uidl.empty()) row.traits |= kHasImportedUidl;
  row.threadId = r.threadId;
  row.uidl = r.uidl;
  std::string keys;
  for (const std::string_view key : threadKeys(*columns)) putFixed(keys, threadHash(key));
  row.threadKeys = keys;
  putMail(txn_, r.emailId, row, *columns);
  for (OctetReader hashes(keys); !hashes.done();) addThreadUser(hashes.fixed<std::uint64_t>(), r.threadId);
  countLive(row.place, true);
  detail.size = row.place.size();
  detail.traits = row.traits;
  return detail;
}

void Apply::addCopy(Cursor& known, const EmailId& id) {
  std::string count;
  putVarint(count, 1);
  if (known.insert(copiesKey(id), count)) return;
  const std::uint64_t before = OctetReader(known.value()).varint();
  count.clear();
  putVarint(count, before + 1);
  known.replace(count);
}

// A message that left a mailbox: was it the last one with this email id?
void Apply::release(const EmailId& id) {
  if (const auto copies = txn_.get(Table::known, copiesKey(id))) {
    const std::uint64_t left = OctetReader(*copies).varint() - 1;
    std::string count;
    putVarint(count, left);
    if (left == 0) {
      txn_.erase(Table::known, copiesKey(id));
    } else {
      txn_.put(Table::known, copiesKey(id), count);
    }
    return;
  }
  const auto octets = txn_.get(Table::mail, id.octets());
  if (!octets) contradiction("a message without its row");
  const MailRow row = mailRow(*octets);
  if (row.place.kind == ContentKind::file) deadFiles_.push_back(messageFileName(id));
  const ContentPlace place = row.place;
  const std::string keys(row.threadKeys);
  txn_.erase(Table::mail, id.octets());
  txn_.erase(Table::subject, id.octets());
  txn_.erase(Table::summary, id.octets());
  countLive(place, false);
  for (OctetReader hashes(keys); !hashes.done();) dropThreadUser(hashes.fixed<std::uint64_t>());
}

void Apply::countLive(const ContentPlace& place, bool arrives) {
  const std::string key = segmentKey(place.record.segment);
  const auto octets = txn_.get(Table::state, key);
  SegmentRow row = octets ? segmentRow(*octets) : SegmentRow{};
  const std::uint64_t size = place.headLength + place.tailLength;
  if (arrives) {
    row.live += size;
    row.total += size;
  } else {
    row.live -= std::min(row.live, size);
    released_ += size;
  }
  txn_.put(Table::state, key, encodeRow(row));
}

void Apply::addThreadUser(std::uint64_t hash, const EmailId& threadId) {
  const std::string key = threadKey(hash);
  const auto octets = txn_.get(Table::known, key);
  ThreadRow row = octets ? threadRow(*octets) : ThreadRow{threadId, 0};
  ++row.users;
  txn_.put(Table::known, key, encodeRow(row));
}

void Apply::dropThreadUser(std::uint64_t hash) {
  const std::string key = threadKey(hash);
  const auto octets = txn_.get(Table::known, key);
  if (!octets) return;
  ThreadRow row = threadRow(*octets);
  if (row.users <= 1) {
    txn_.erase(Table::known, key);
  } else {
    --row.users;
    txn_.put(Table::known, key, encodeRow(row));
  }
}

void Apply::rememberDelivery(const Arrival& r, const Box& to) {
  const std::string key = deliveryKey(r.deliveryId);
  txn_.put(Table::known, key, encodeRow(DeliveryRow{to.row.id, to.row.uidValidity, r.uid}));
  txn_.put(Table::known, deliveryOrderKey(account_.nextDelivery++), key);
  while (account_.nextDelivery - account_.firstDelivery > kDeliveriesKept) {
    const std::string oldest = deliveryOrderKey(account_.firstDelivery++);
    const auto forgotten = txn_.get(Table::known, oldest);
    if (forgotten) txn_.erase(Table::known, std::string(*forgotten));
    txn_.erase(Table::known, oldest);
  }
  accountChanged_ = true;
}

void Apply::apply(const FlagsWritten& r) {
  Box& in = box(r.mailbox);
  settle(r.mailbox);
  Membership wanted(r.uids);
  StateChunk chunk;
  walkChunks(txn_, r.mailbox, r.uids, [&](Cursor& cursor, const ChunkKey& key) {
    readState(cursor.value(), key.firstUid, chunk);
    bool any = false;
    for (std::size_t at = 0; at < chunk.count; ++at) {
      if (!wanted.contains(chunk.uids[at])) continue;
      const std::uint64_t before = chunk.flags[at];
      const std::uint64_t after = r.kind == FlagsOperation::Kind::replace ? r.flags
                                  : r.kind == FlagsOperation::Kind::add   ? before | r.flags
                                                                          : before & ~r.flags;
      in.row.unseen += unseenIn(after) - unseenIn(before);
      in.row.deleted += deletedIn(after) - deletedIn(before);
      chunk.flags[at] = after;
      chunk.modSeqs[at] = r.modSeq;
      any = true;
    }
    if (!any) return Walk::on;
    cursor.replace(encodeState(chunk, key.firstUid));
    return Walk::changed;
  });
  touched(in, r.modSeq);
}

void Apply::apply(const Expunged& r) {
  Box& from = box(r.mailbox);
  settle(r.mailbox);
  for (const EmailId& id : takeOut(from, r.uids, r.modSeq)) release(id);
  remember(from, r.uids, r.modSeq);
  touched(from, r.modSeq);
}

std::vector<Apply::Entry> Apply::collect(const Box& from, const UidSet& uids) const {
  std::vector<Entry> found;
  found.reserve(std::min<std::uint64_t>(uids.count(), from.row.messages));
  Membership wanted(uids);
  StateChunk state;
  DetailChunk detail;
  walkChunks(txn_, from.row.number, uids, [&](Cursor& cursor, const ChunkKey& key) {
    readState(cursor.value(), key.firstUid, state);
    bool read = false;
    for (std::size_t at = 0; at < state.count; ++at) {
      if (!wanted.contains(state.uids[at])) continue;
      if (!std::exchange(read, true)) readDetail(txn_, key, detail);
      found.push_back({state.uids[at], state.flags[at], state.modSeqs[at], detail.rows[at]});
    }
    return Walk::on;
  });
  return found;
}

// Takes messages out of their chunks.
std::vector<EmailId> Apply::takeOut(Box& from, const UidSet& uids, ModSeq modSeq) {
  Membership wanted(uids);
  StateChunk state;
  DetailChunk detail;
  std::vector<EmailId> gone;
  walkChunks(txn_, from.row.number, uids, [&](Cursor& cursor, const ChunkKey& key) {
    readState(cursor.value(), key.firstUid, state);
    readDetail(txn_, key, detail);
    std::size_t kept = 0;
    for (std::size_t at = 0; at < state.count; ++at) {
      if (wanted.contains(state.uids[at])) {
        --from.row.messages;
        from.row.unseen -= unseenIn(state.flags[at]);
        from.row.deleted -= deletedIn(state.flags[at]);
        from.row.octets -= detail.rows[at].size;
        --account_.messages;
        account_.octets -= detail.rows[at].size;
        gone.push_back(detail.rows[at].emailId);
        continue;
      }
      state.uids[kept] = state.uids[at];
      state.flags[kept] = state.flags[at];
      state.modSeqs[kept] = state.modSeqs[at];
      detail.rows[kept++] = detail.rows[at];
    }
    if (kept == state.count) return Walk::on;
    state.count = detail.count = kept;
    if (kept == 0) {
      cursor.erase();
      txn_.erase(Table::columns, chunkKey(Column::detail, key.mailbox, key.firstUid));
    } else {
      cursor.replace(encodeState(state, key.firstUid));
      txn_.put(Table::columns, chunkKey(Column::detail, key.mailbox, key.firstUid), encodeDetail(detail));
    }
    return Walk::changed;
  });
  from.row.membersModSeq = modSeq;
  from.changed = true;
  return gone;
}

void Apply::remember(Box& from, const UidSet& gone, ModSeq modSeq) {
  std::string runs;
  putUids(runs, gone);
  txn_.put(Table::known, historyKey(from.row.number, modSeq), runs);
  ++from.row.historyEntries;
  while (from.row.historyEntries > kHistoryEntries) {
    Cursor oldest(txn_, Table::known);
    if (!oldest.seek(historyKey(from.row.number, 0))) break;
    const std::string_view key = oldest.key();
    ModSeq forgotten = 0;
    for (const char c : key.substr(5)) forgotten = forgotten << 8 | static_cast<unsigned char>(c);
    from.row.historyStartsAt = forgotten;
    oldest.erase();
    --from.row.historyEntries;
  }
}

void Apply::apply(const CopiedTo& r) {
  Box& from = box(r.from);
  settle(r.from);
  const std::vector<Entry> entries = collect(from, r.uids);
  if (!r.moved) {
    Cursor known(txn_, Table::known);
    for (const Entry& entry : entries) addCopy(known, entry.detail.emailId);
  } else {
    (void)takeOut(from, r.uids, r.modSeq);  // the mail rows go with them
    remember(from, r.uids, r.modSeq);
    touched(from, r.modSeq);
  }
  Box& to = box(r.to);
  settle(r.to);
  to.pending.reserve(entries.size());
  for (Entry entry : entries) {
    entry.uid = to.row.uidNext;
    entry.flags = translate(entry.flags, r.keywordBits);
    entry.modSeq = r.modSeq;
    entry.detail.saveDate = r.saveDate;
    enter(to, entry);
  }
}

void Apply::apply(const ContentMoved& r) {
  const auto octets = txn_.get(Table::mail, r.emailId.octets());
  if (!octets) return;  // expunged meanwhile
  MailRow row = mailRow(*octets);
  const ContentPlace before = row.place;
  row.place.record = at_;
  row.place.headLength = contentLength_ - r.tail.size();
  row.place.tailLength = r.tail.size();
  const ContentPlace after = row.place;
  txn_.put(Table::mail, r.emailId.octets(), encodeRow(row));
  countLive(before, false);
  countLive(after, true);
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
