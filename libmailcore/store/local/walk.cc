#include "libmailcore/store/local/walk.h"

namespace ostler::store::local {

std::optional<ChunkKey> chunkAt(const Cursor& cursor, MailboxNumber mailbox) {
  const std::optional<ChunkKey> key = parseChunkKey(cursor.key());
  if (!key || key->column != Column::state || key->mailbox != mailbox) return std::nullopt;
  return key;
}

bool seekChunk(Cursor& cursor, MailboxNumber mailbox, std::uint32_t uid) {
  const std::string wanted = chunkKey(Column::state, mailbox, uid);
  const bool behind = cursor.seek(wanted);
  if (behind && cursor.key() == wanted) return true;
  const bool before = behind ? cursor.previous() : cursor.last();
  if (before && chunkAt(cursor, mailbox)) return true;
  return behind && cursor.seek(wanted);
}

void readState(std::string_view octets, std::uint32_t firstUid, StateChunk& into) {
  if (!decodeState(octets, firstUid, into)) {
    throw IndexFailure(Error::Kind::permanent, "index: a damaged chunk; rebuild it from the log");
  }
}

std::string_view readDetail(const Txn& txn, const ChunkKey& key, DetailChunk& into) {
  const auto octets = txn.get(Table::columns, chunkKey(Column::detail, key.mailbox, key.firstUid));
  if (!octets || !decodeDetail(*octets, into)) {
    throw IndexFailure(Error::Kind::permanent, "index: a damaged chunk; rebuild it from the log");
  }
  return *octets;
}

}  // namespace ostler::store::local
