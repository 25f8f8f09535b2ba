#include "libmailcore/store/local/read.h"

#include "libmailcore/message/prepared.h"
#include "libmailcore/store/local/operations.h"
#include "libmailcore/store/local/walk.h"
#include "libmailcore/store/names.h"
#include "libmailcore/store/octets.h"

namespace ostler::store::local {
namespace {

constexpr std::size_t kRenewedTogether = 500;
constexpr unsigned kChunksInOneTransaction = 32;  // some thousand messages: a few milliseconds

std::optional<MailboxRow> rowById(const Txn& txn, const MailboxId& id) {
  const auto number = txn.get(Table::state, mailboxIdKey(id));
  const auto row = number ? txn.get(Table::state, mailboxKey(OctetReader(*number).varint32())) : std::nullopt;
  return row ? std::optional(mailboxRow(*row)) : std::nullopt;
}

// Rows of one table by email id. Messages that came one after the other mostly lie one after the other.
class ByEmailId {
 public:
  ByEmailId(const Txn& txn, Table table) : cursor_(txn, table) {}
  std::optional<std::string_view> find(const EmailId& id, Looked& looked) {
    const bool there = (cursor_.isOnPair() && cursor_.next() && cursor_.key() == id.octets()) ||
                       (cursor_.seek(id.octets()) && cursor_.key() == id.octets());
    if (!there) return std::nullopt;
    looked.at(cursor_.value());
    return cursor_.value();
  }

 private:
  Cursor cursor_;
};

// What one transaction looks at beside the chunks.
struct Rows {
  explicit Rows(const Txn& txn) : mail(txn, Table::mail), subjects(txn, Table::subject), summaries(txn, Table::summary) {}
  ByEmailId mail;
  ByEmailId subjects;
  ByEmailId summaries;
  Looked looked;
};

// One message's row for a visitor, filled column by column.
class RowReader {
 public:
  RowReader(AccountFolder& folder, Columns columns) : folder_(folder), columns_(columns) {}
  ~RowReader() {
    if (!renewed_.empty()) (void)folder_.renew(renewed_);
  }
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;

  // False: the message went away meanwhile.
  bool fill(Rows& rows, const StateChunk& state, const DetailChunk* detail, std::size_t at, MessageRow& row) {
    row = MessageRow{};
    row.uid = Uid{state.uids[at]};
    row.flags = Flags{state.flags[at]};
    row.modSeq = state.modSeqs[at];
    if (detail == nullptr) return true;
    const Detail& d = detail->rows[at];
    row.internalDate = d.internalDate;
    row.saveDate = d.saveDate;
    row.size = d.size;
    row.emailId = d.emailId;
    row.threadId = d.threadId;
    row.traits = unpackTraits(d.traits);
    const bool uidlIsHere = (d.traits & kHasImportedUidl) == 0;  // POP3 asks for 100,000 at once
    if (columns_.uidl && uidlIsHere) {
      uidl_ = d.emailId.text();
      row.uidl = uidl_;
    }
    const bool subjectIsMissing = columns_.subject && !fillText(rows.subjects, rows.looked, d.emailId, row.subject);
    const bool summaryIsMissing = columns_.summary && !fillText(rows.summaries, rows.looked, d.emailId, row.summary);
    const bool isMissing = subjectIsMissing || summaryIsMissing;
    const bool needsText = columns_.envelope || columns_.structure;
    if (!needsText && !isMissing && !columns_.content && (uidlIsHere || !columns_.uidl)) return true;
    const auto octets = rows.mail.find(d.emailId, rows.looked);
    if (!octets) throw IndexFailure(Error::Kind::permanent, "index: a message without its row; rebuild it from the log");
    const MailRow known = mailRow(*octets);
    if (columns_.uidl && !uidlIsHere) row.uidl = known.uidl;
    std::shared_ptr<const ContentSource> content;
    const bool renders = isMissing || (needsText && known.preparedVersion != message::kPreparedVersion);
    if (columns_.content || renders) {
      content = open(d.emailId, known.place);
      if (!content) return false;
    }
    if (renders) {
      render(*content, row);
      if (known.preparedVersion != 0 && known.preparedVersion < message::kPreparedVersion) keepRendered(d.emailId);
    } else if (needsText) {
      fillTexts(mailTexts(known.texts), row);
    }
    if (columns_.content) row.content = std::move(content);
    return true;
  }
  static bool needsDetail(Columns c) { return c.dates || c.uidl || c.envelope || c.structure || c.subject || c.summary || c.content; }

 private:
  // False: it is too large to be kept, or was made by another version of the renderer.
  static bool fillText(ByEmailId& texts, Looked& looked, const EmailId& id, std::string_view& into) {
    const auto octets = texts.find(id, looked);
    if (!octets) return false;
    const TextRow known = textRow(*octets);
    if (known.preparedVersion != message::kPreparedVersion) return false;
    into = known.text;
    return true;
  }
  void fillTexts(const MailTexts& texts, MessageRow& row) const {
    if (columns_.envelope) row.envelope = texts.envelope;
    if (columns_.structure) row.body = texts.body;
    if (columns_.structure) row.bodyStructure = texts.bodyStructure;
  }
  // Too large to be kept, or made by another version of the renderer.
  void render(const ContentSource& content, MessageRow& row) {
    const Result<std::string> octets = readAll(content);
    if (!octets) throw IndexFailure(octets.error().kind, octets.error().detail);
    rendered_ = prepareColumns(*octets);
    fillTexts({rendered_.envelope, rendered_.body, rendered_.bodyStructure}, row);
    if (columns_.subject) row.subject = rendered_.subject;
    if (columns_.summary) row.summary = rendered_.summary;
  }
  // So that the next reader finds it in the index. As much as is written while we read: a large mailbox is renewed by several readers.
  void keepRendered(const EmailId& id) {
    if (renewed_.size() >= kRenewedTogether && !folder_.renew(renewed_)) return;
    renewed_.push_back({id, rendered_});
  }
  // Between our look at the index and opening its file a message may be expunged (then there is nothing to show), or moved by
  // compaction: the index as it is now tells.
  std::shared_ptr<const ContentSource> open(const EmailId& id, const ContentPlace& place) {
    auto opened = folder_.content(id, place);
    if (opened) return std::move(*opened);
    const Index::Read now(folder_.index());
    const auto octets = now.get(Table::mail, id.octets());
    if (!octets) return nullptr;
    opened = folder_.content(id, mailRow(*octets).place);
    if (!opened) throw IndexFailure(opened.error().kind, opened.error().detail);
    return std::move(*opened);
  }

  AccountFolder& folder_;
  Columns columns_;
  std::string uidl_;
  PreparedColumns rendered_;
  std::vector<AccountFolder::Renewed> renewed_;
};

}  // namespace

Result<std::vector<MailboxInfo>> listMailboxes(AccountFolder& folder) {
  const Index::Read read(folder.index());
  std::vector<MailboxInfo> all;
  std::vector<std::string> subscriptions;
  Cursor cursor(read, Table::state);
  for (bool there = cursor.seek("b"); there && cursor.key().starts_with("b"); there = cursor.next()) {
    all.push_back(mailboxRow(cursor.value()).info());
  }
  for (bool there = cursor.seek("s"); there && cursor.key().starts_with("s"); there = cursor.next()) {
    subscriptions.emplace_back(cursor.key().substr(1));
  }
  addNamesWithoutMailbox(all, subscriptions);
  return all;
}

Result<MailboxInfo> findMailbox(AccountFolder& folder, const std::string& name) {
  const Result<std::string> canonical = canonicalName(name);
  if (!canonical) return fail(canonical.error());
  const Index::Read read(folder.index());
  const auto number = read.get(Table::state, mailboxNameKey(*canonical));
  const auto row = number ? read.get(Table::state, mailboxKey(OctetReader(*number).varint32())) : std::nullopt;
  if (!row) return fail(noSuchMailbox());
  return shownInfo(read, mailboxRow(*row));
}

Result<MailboxInfo> findMailbox(AccountFolder& folder, const MailboxId& id) {
  const Index::Read read(folder.index());
  const auto row = rowById(read, id);
  if (!row) return fail(noSuchMailbox());
  return shownInfo(read, *row);
}

Result<Account::Uids> listUids(AccountFolder& folder, const MailboxId& id) {
  const Index::Read read(folder.index());
  const auto row = rowById(read, id);
  if (!row) return fail(noSuchMailbox());
  Account::Uids out{shownInfo(read, *row), folder.cachedUids(id, row->membersModSeq)};
  if (out.uids) return out;
  auto list = std::make_shared<std::vector<std::uint32_t>>();
  list->reserve(row->messages);
  StateChunk chunk;
  walkChunks(read, row->number, UidSet::all(), [&](Cursor& cursor, const ChunkKey& key) {
    readState(cursor.value(), key.firstUid, chunk);
    list->insert(list->end(), chunk.uids.begin(), chunk.uids.begin() + chunk.count);
    return Walk::on;
  });
  out.uids = std::move(list);
  folder.cacheUids(id, {row->membersModSeq, out.uids});
  return out;
}

Result<void> visitMessages(AccountFolder& folder, const MailboxId& id, const UidSet& uids, Columns columns, Visitor& visitor) {
  Index::Read read(folder.index());
  const auto mailbox = rowById(read, id);
  if (!mailbox) return fail(noSuchMailbox());
  visitor.begin(shownInfo(read, *mailbox));
  RowReader reader(folder, columns);
  StateChunk state;
  DetailChunk detail;
  UidSet left = uids.intersect(UidSet::of({Uid{1}, Uid{mailbox->uidNext - 1}}));
  while (!left.empty()) {
    unsigned chunks = 0;
    std::uint32_t through = UINT32_MAX;  // all up to here was shown
    bool enough = false;
    Looked looked;
    {
      Rows rows(read);
      Membership wanted(left);
      MessageRow row;
      walkChunks(read, mailbox->number, left, [&](Cursor& cursor, const ChunkKey& key) {
        if (++chunks > kChunksInOneTransaction) {
          through = key.firstUid - 1;
          return Walk::stop;
        }
        readState(cursor.value(), key.firstUid, state);
        rows.looked.at(cursor.value());
        bool haveDetail = false;
        for (std::size_t at = 0; at < state.count && !enough; ++at) {
          if (!wanted.contains(state.uids[at])) continue;
          if (RowReader::needsDetail(columns) && !haveDetail) rows.looked.at(readDetail(read, key, detail));
          haveDetail = RowReader::needsDetail(columns);
          if (reader.fill(rows, state, haveDetail ? &detail : nullptr, at, row)) enough = !visitor.row(row);
        }
        return enough ? Walk::stop : Walk::on;
      });
      looked = rows.looked;
    }
    if (columns.content) folder.index()->looked(looked);
    if (enough || through == UINT32_MAX) return {};
    left = left.without(UidSet::of({Uid{1}, Uid{through}}));
    read.renew();
  }
  return {};
}

Result<Changes> readChanges(AccountFolder& folder, const MailboxId& id, ModSeq since) {
  const Index::Read read(folder.index());
  const auto row = rowById(read, id);
  if (!row) return fail(noSuchMailbox());
  Changes changes;
  changes.mailbox = shownInfo(read, *row);
  changes.complete = since >= row->historyStartsAt;
  UidSet present;
  StateChunk chunk;
  walkChunks(read, row->number, UidSet::all(), [&](Cursor& cursor, const ChunkKey& key) {
    if (changes.complete && highestModSeqOf(cursor.value()) <= since) return Walk::on;
    readState(cursor.value(), key.firstUid, chunk);
    for (std::size_t at = 0; at < chunk.count; ++at) {
      if (!changes.complete) present.add(Uid{chunk.uids[at]});
      if (chunk.modSeqs[at] > since) changes.changed.push_back({Uid{chunk.uids[at]}, Flags{chunk.flags[at]}, chunk.modSeqs[at]});
    }
    return Walk::on;
  });
  if (!changes.complete) {
    if (row->uidNext > 1) changes.vanished = UidSet::of({Uid{1}, Uid{row->uidNext - 1}}).without(present);
    return changes;
  }
  const std::string prefix = historyKey(row->number, 0).substr(0, 5);
  std::vector<UidRange> gone;
  Cursor cursor(read, Table::known);
  for (bool there = cursor.seek(historyKey(row->number, since + 1)); there && cursor.key().starts_with(prefix); there = cursor.next()) {
    OctetReader in(cursor.value());
    const UidSet some = takeUids(in);
    gone.insert(gone.end(), some.ranges().begin(), some.ranges().end());
  }
  changes.vanished = UidSet::fromRanges(std::move(gone));
  return changes;
}

Result<Quota> readQuota(AccountFolder& folder, Quota limits) {
  const Index::Read read(folder.index());
  const auto octets = read.get(Table::state, kAccountKey);
  const AccountRow row = octets ? accountRow(*octets) : AccountRow{};
  limits.usedOctets = row.octets;
  limits.usedMessages = row.messages;
  return limits;
}

}  // namespace ostler::store::local
