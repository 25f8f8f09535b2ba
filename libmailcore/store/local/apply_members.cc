// apply_members.cc - which messages are in a mailbox, with their flags: the chunks of table columns.
#include <algorithm>

#include "libmailcore/store/local/apply.h"
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

}  // namespace

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
      const std::uint64_t after = flagsAfter(r.kind, r.flags, before);
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

}  // namespace ostler::store::local
