#include "libmailcore/store/local/operations.h"

#include <algorithm>
#include <bit>

#include "libmailcore/store/local/walk.h"
#include "libmailcore/store/names.h"
#include "libmailcore/store/octets.h"

namespace ostler::store::local {
namespace {

std::int64_t nowSeconds() { return toUnixMillis(SystemClock().now()) / 1000; }

struct NamedMailbox {
  std::string name;
  MailboxNumber number = 0;
};

// `root` itself, if it is a mailbox, and all below it.
std::vector<NamedMailbox> mailboxesAt(const Txn& txn, const std::string& root) {
  std::vector<NamedMailbox> found;
  const std::string prefix = mailboxNameKey(root);
  Cursor cursor(txn, Table::state);
  for (bool there = cursor.seek(prefix); there && cursor.key().starts_with(prefix); there = cursor.next()) {
    const std::string_view name = cursor.key().substr(1);
    if (name == root || isBelow(name, root)) found.push_back({std::string(name), OctetReader(cursor.value()).varint32()});
  }
  return found;
}

// Bits of the target for the source's keywords; those that `used` has and the target lacks are added to it.
Result<std::vector<std::uint8_t>> mapKeywords(const MailboxRow& from, std::uint64_t used, std::vector<std::string>& target) {
  std::vector<std::uint8_t> bits(from.keywords.size(), 0xFF);
  for (std::size_t place = 0; place < from.keywords.size(); ++place) {
    if ((used >> (Flags::kFirstKeyword + place) & 1) == 0) continue;
    const auto flag = resolveFlags({0, {from.keywords[place]}}, target);
    if (!flag) return fail(flag.error());
    bits[place] = static_cast<std::uint8_t>(std::countr_zero(flag->bits));
  }
  return bits;
}

void addKeywords(Planner& planner, const MailboxRow& row, const std::vector<std::string>& wanted) {
  if (wanted.size() == row.keywords.size()) return;
  const auto firstNew = wanted.begin() + static_cast<std::ptrdiff_t>(row.keywords.size());
  planner.emit(KeywordsAdded{row.number, {firstNew, wanted.end()}});
}

}  // namespace

Error noSuchMailbox() { return {Error::Kind::notFound, "no such mailbox"}; }

MailboxInfo shownInfo(const Txn& txn, const MailboxRow& row) {
  MailboxInfo info = row.info();
  info.subscribed = txn.get(Table::state, subscriptionKey(row.name)).has_value();
  return info;
}

Result<void> checkQuota(const Planner& planner, std::uint64_t octets, std::uint64_t messages) {
  const Quota& limits = planner.limits();
  const AccountRow& used = planner.apply.account();
  const auto exceeds = [](std::uint64_t limit, std::uint64_t have, std::uint64_t more) {
    return limit != 0 && more > 0 && (have >= limit || more > limit - have);
  };
  if (exceeds(limits.limitOctets, used.octets, octets)) return fail(Error::Kind::limit, "quota: octets");
  if (exceeds(limits.limitMessages, used.messages, messages)) return fail(Error::Kind::limit, "quota: messages");
  return {};
}

MailboxNumber ensureMailbox(Planner& planner, const std::string& canonical, SpecialUse specialUse) {
  if (const MailboxRow* const there = planner.apply.mailbox(std::string_view(canonical))) return there->number;
  const auto make = [&planner](std::string_view name, SpecialUse use) {
    const AccountRow& account = planner.apply.account();
    MailboxMade made;
    made.number = account.nextMailbox;
    made.id = Id128::make(SystemClock().now());
    made.name = std::string(name);
    made.uidValidity = std::max(account.lastUidValidity + 1, static_cast<std::uint32_t>(nowSeconds()));
    made.specialUse = use;
    made.modSeq = planner.nextModSeq();
    planner.emit(made);
    return made.number;
  };
  for (const std::string_view parent : parentsOf(canonical)) {
    if (planner.apply.mailbox(parent) == nullptr) make(parent, SpecialUse::none);
  }
  return make(canonical, specialUse);
}

Result<MailboxInfo> planCreate(Planner& planner, const std::string& name, SpecialUse specialUse) {
  const Result<std::string> canonical = canonicalName(name);
  if (!canonical) return fail(canonical.error());
  if (planner.apply.mailbox(std::string_view(*canonical)) != nullptr) return fail(Error::Kind::exists, "mailbox exists");
  const MailboxNumber number = ensureMailbox(planner, *canonical, specialUse);
  return shownInfo(planner.apply.txn(), *planner.apply.mailbox(number));
}

Result<void> planDelete(Planner& planner, const std::string& name) {
  const Result<std::string> canonical = canonicalName(name);
  if (!canonical) return fail(canonical.error());
  if (*canonical == "INBOX") return fail(Error::Kind::denied, "INBOX cannot be deleted");
  const MailboxRow* const row = planner.apply.mailbox(std::string_view(*canonical));
  if (row == nullptr) return fail(noSuchMailbox());
  planner.emit(MailboxDeleted{row->number, planner.nextModSeq()});
  return {};
}

Result<void> planRename(Planner& planner, const std::string& from, const std::string& to) {
  const Result<std::string> source = canonicalName(from);
  const Result<std::string> target = canonicalName(to);
  if (!source) return fail(source.error());
  if (!target) return fail(target.error());
  if (planner.apply.mailbox(std::string_view(*target)) != nullptr) return fail(Error::Kind::exists, "mailbox exists");
  if (*source == "INBOX") {  // RFC 9051 6.3.6: its messages go, it stays
    const MailboxId inbox = planner.apply.mailbox(std::string_view("INBOX"))->id;
    const MailboxId made = planner.apply.mailbox(ensureMailbox(planner, *target, SpecialUse::none))->id;
    const Result<Copied> moved = planTransfer(planner, inbox, UidSet::all(), made, Transfer::move);
    return moved ? Result<void>() : fail(moved.error());
  }
  const std::vector<NamedMailbox> renamed = mailboxesAt(planner.apply.txn(), *source);
  if (renamed.empty()) return fail(noSuchMailbox());
  if (isBelow(*target, *source)) return fail(Error::Kind::denied, "a mailbox cannot move below itself");
  std::vector<std::string> names;
  for (const NamedMailbox& one : renamed) {
    const Result<std::string> name = canonicalName(*target + one.name.substr(source->size()));
    if (!name) return fail(name.error());
    if (planner.apply.mailbox(std::string_view(*name)) != nullptr) return fail(Error::Kind::exists, "a child of that name exists");
    names.push_back(*name);
  }
  for (const std::string_view parent : parentsOf(*target)) ensureMailbox(planner, std::string(parent), SpecialUse::none);
  const ModSeq modSeq = planner.nextModSeq();
  for (std::size_t at = 0; at < renamed.size(); ++at) planner.emit(MailboxRenamed{renamed[at].number, names[at], modSeq});
  return {};
}

Result<void> planSubscribe(Planner& planner, const std::string& name, bool subscribed) {
  const Result<std::string> canonical = canonicalName(name);
  if (!canonical) return fail(canonical.error());
  const bool now = planner.apply.txn().get(Table::state, subscriptionKey(*canonical)).has_value();
  if (now != subscribed) planner.emit(Subscribed{*canonical, subscribed});
  return {};
}

Result<FlagsChanged> planFlags(Planner& planner, const MailboxId& id, const UidSet& uids, const FlagsOperation& operation) {
  const MailboxRow* const row = planner.apply.mailbox(id);
  if (row == nullptr) return fail(noSuchMailbox());
  std::vector<std::string> keywords = row->keywords;
  const Result<Flags> flags = resolveFlags(operation.flags, keywords);
  if (!flags) return fail(flags.error());
  const MailboxNumber number = row->number;
  planner.apply.settle(number);
  FlagsChanged result;
  Membership wanted(uids);
  StateChunk chunk;
  walkChunks(planner.apply.txn(), number, uids, [&](Cursor& cursor, const ChunkKey& key) {
    readState(cursor.value(), key.firstUid, chunk);
    for (std::size_t at = 0; at < chunk.count; ++at) {
      if (!wanted.contains(chunk.uids[at])) continue;
      if (operation.unchangedSince && chunk.modSeqs[at] > *operation.unchangedSince) {
        result.modified.add(Uid{chunk.uids[at]});
      } else if (flagsAfter(operation.kind, flags->bits, chunk.flags[at]) != chunk.flags[at]) {
        result.changed.add(Uid{chunk.uids[at]});
      }
    }
    return Walk::on;
  });
  if (!result.changed.empty()) {
    result.modSeq = planner.nextModSeq();
    if (operation.kind != FlagsOperation::Kind::remove) addKeywords(planner, *row, keywords);
    planner.emit(FlagsWritten{number, result.modSeq, operation.kind, flags->bits, result.changed});
  }
  result.mailbox = shownInfo(planner.apply.txn(), *planner.apply.mailbox(number));
  return result;
}

Result<Copied> planTransfer(Planner& planner, const MailboxId& from, const UidSet& uids, const MailboxId& to, Transfer how) {
  const MailboxRow* const source = planner.apply.mailbox(from);
  const MailboxRow* const target = planner.apply.mailbox(to);
  if (source == nullptr || target == nullptr) return fail(noSuchMailbox());
  planner.apply.settle(source->number);
  Copied result;
  result.uidValidity = target->uidValidity;
  std::uint64_t octets = 0;
  std::uint64_t used = 0;
  const bool counts = how == Transfer::copy && planner.limits().limitOctets != 0;
  Membership wanted(uids);
  StateChunk chunk;
  DetailChunk detail;
  walkChunks(planner.apply.txn(), source->number, uids, [&](Cursor& cursor, const ChunkKey& key) {
    readState(cursor.value(), key.firstUid, chunk);
    if (counts) readDetail(planner.apply.txn(), key, detail);
    for (std::size_t at = 0; at < chunk.count; ++at) {
      if (!wanted.contains(chunk.uids[at])) continue;
      result.from.add(Uid{chunk.uids[at]});
      used |= chunk.flags[at];
      if (counts) octets += detail.rows[at].size;
    }
    return Walk::on;
  });
  const std::uint64_t count = result.from.count();
  if (count == 0) return result;
  if (count > UINT32_MAX - target->uidNext) return fail(Error::Kind::limit, "the mailbox has no UIDs left");
  if (how == Transfer::copy) {
    const Result<void> allowed = checkQuota(planner, octets, count);
    if (!allowed) return fail(allowed.error());
  }
  std::vector<std::string> keywords = target->keywords;
  const auto bits = mapKeywords(*source, used, keywords);
  if (!bits) return fail(bits.error());
  result.to = UidSet::of({Uid{target->uidNext}, Uid{static_cast<std::uint32_t>(target->uidNext + count - 1)}});
  if (how == Transfer::move) result.expunged = result.from;
  addKeywords(planner, *target, keywords);
  planner.emit(CopiedTo{source->number, target->number, planner.nextModSeq(), nowSeconds(), how == Transfer::move, result.from, *bits});
  return result;
}

Result<UidSet> planExpunge(Planner& planner, const MailboxId& id, const UidSet& among, Account::Expunge which) {
  const MailboxRow* const row = planner.apply.mailbox(id);
  if (row == nullptr) return fail(noSuchMailbox());
  UidSet gone;
  if (which == Account::Expunge::deletedOnly && row->deleted == 0) return gone;
  planner.apply.settle(row->number);
  Membership wanted(among);
  StateChunk chunk;
  walkChunks(planner.apply.txn(), row->number, among, [&](Cursor& cursor, const ChunkKey& key) {
    readState(cursor.value(), key.firstUid, chunk);
    for (std::size_t at = 0; at < chunk.count; ++at) {
      const bool chosen = which == Account::Expunge::regardless || (chunk.flags[at] & Flags::kDeleted) != 0;
      if (chosen && wanted.contains(chunk.uids[at])) gone.add(Uid{chunk.uids[at]});
    }
    return Walk::on;
  });
  if (!gone.empty()) planner.emit(Expunged{row->number, planner.nextModSeq(), gone});
  return gone;
}

Result<void> InitialMailboxes::plan(Planner& planner) {
  if (planner.apply.account().nextMailbox > 1) return {};
  for (const InitialMailbox& initial : kInitialMailboxes) {
    ensureMailbox(planner, initial.name, initial.specialUse);
    planner.emit(Subscribed{initial.name, true});
  }
  return {};
}

}  // namespace ostler::store::local
