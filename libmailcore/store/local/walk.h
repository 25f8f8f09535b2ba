// walk.h - walking over the chunks of a mailbox that may hold UIDs of a set.
#pragma once

#include "libmailcore/store/local/chunk.h"
#include "libmailcore/store/local/index.h"
#include "libmailcore/store/local/rows.h"

namespace ostler::store::local {

/// Is a UID in the set? For questions in ascending order: constant time each.
class Membership {
 public:
  explicit Membership(const UidSet& set) : at_(set.ranges().begin()), end_(set.ranges().end()) {}
  [[nodiscard]] bool contains(std::uint32_t uid) {
    while (at_ != end_ && at_->last.value < uid) ++at_;
    return at_ != end_ && at_->first.value <= uid;
  }

 private:
  std::vector<UidRange>::const_iterator at_;
  std::vector<UidRange>::const_iterator end_;
};

/// Stands on the state chunk that holds `uid` if any does, else on the next one. False: there is none behind it.
[[nodiscard]] bool seekChunk(Cursor& cursor, MailboxNumber mailbox, std::uint32_t uid);
/// The chunk it stands on, if that is a state chunk of the mailbox.
[[nodiscard]] std::optional<ChunkKey> chunkAt(const Cursor& cursor, MailboxNumber mailbox);

enum class Walk {
  on,       ///< nothing was changed
  changed,  ///< the chunk was replaced or erased
  stop,
};

/// Calls each(cursor, chunk key) for every state chunk that may hold a UID of the set.
template <class Each>
void walkChunks(const Txn& txn, MailboxNumber mailbox, const UidSet& uids, Each each) {
  if (uids.empty()) return;
  auto range = uids.ranges().begin();
  Cursor cursor(txn, Table::columns);
  bool sought = true;
  bool there = seekChunk(cursor, mailbox, range->first.value);
  while (there) {
    const std::optional<ChunkKey> key = chunkAt(cursor, mailbox);
    if (!key) return;
    if (!sought) {
      while (range != uids.ranges().end() && range->last.value < key->firstUid) ++range;
      if (range == uids.ranges().end()) return;
      if (range->first.value > key->firstUid) {  // maybe far behind this chunk
        sought = true;
        there = seekChunk(cursor, mailbox, range->first.value);
        continue;
      }
    } else if (key->firstUid > range->first.value) {
      while (range != uids.ranges().end() && range->last.value < key->firstUid) ++range;
      if (range == uids.ranges().end()) return;
    }
    const Walk walk = each(cursor, *key);
    if (walk == Walk::stop) return;
    sought = false;
    there = walk == Walk::on ? cursor.next() : cursor.seek(chunkKey(Column::state, mailbox, key->firstUid + 1));
  }
}

/// Throw IndexFailure when the chunk is damaged or missing.
void readState(std::string_view octets, std::uint32_t firstUid, StateChunk& into);
std::string_view readDetail(const Txn& txn, const ChunkKey& key, DetailChunk& into);  ///< what it read

}  // namespace ostler::store::local
