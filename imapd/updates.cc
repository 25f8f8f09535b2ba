#include "imapd/updates.h"

#include <algorithm>

#include "imapd/grammar/write.h"

namespace ostler::imap {
namespace {

UidSet below(std::uint32_t uidNext) {
  return uidNext < 2 ? UidSet() : UidSet::of({Uid{1}, Uid{uidNext - 1}});
}

UidSet goneFromView(const View& view, const store::Changes& changes) {
  return changes.vanished.intersect(below(view.uidNext)).without(view.vanished);
}

// Each EXPUNGE counts from what the one before it left: RFC 9051 7.5.1.
void appendExpunges(std::string& out, const Numbers& numbers, const std::vector<Uid>& gone, UpdateForm form) {
  if (form.vanished) {
    out += "* VANISHED ";
    SetWriter set(out);
    for (const Uid uid : gone) set.add(uid.value);
    set.finish();
    out += "\r\n";
    return;
  }
  std::uint32_t told = 0;
  for (const Uid uid : gone) {
    out += "* ";
    appendNumber(out, numbers.number(uid)->value - told++);
    out += " EXPUNGE\r\n";
  }
}

void tellVanished(std::string& out, View& view, UpdateForm form) {
  if (view.vanished.empty()) return;
  const std::vector<Uid> gone = view.numbers->known(view.vanished);
  view.vanished = UidSet();
  if (gone.empty()) return;
  appendExpunges(out, *view.numbers, gone, form);
  view.numbers = std::make_shared<const Numbers>(view.numbers->without(gone));
  view.exists = view.numbers->count();
}

void tellArrived(std::string& out, View& view, const store::Changes& changes) {
  std::vector<std::uint32_t> added;
  for (const auto& row : changes.changed) {
    if (row.uid.value >= view.uidNext) added.push_back(row.uid.value);
  }
  view.uidNext = std::max(view.uidNext, changes.mailbox.uidNext);
  if (added.empty()) return;
  view.exists += static_cast<std::uint32_t>(added.size());
  if (view.numbers) view.numbers = std::make_shared<const Numbers>(view.numbers->with(added));
  out += "* ";
  appendNumber(out, view.exists);
  out += " EXISTS\r\n";
}

void tellFlags(std::string& out, const View& view, std::uint32_t oldUidNext, const store::Changes& changes,
               UpdateForm form) {
  if (!view.numbers) return;
  Numbers::Cursor cursor(view.numbers);
  for (const auto& row : changes.changed) {
    if (row.uid.value >= oldUidNext) break;
    if (view.isOurs(row.modSeq)) continue;
    if (const auto number = cursor.number(row.uid)) appendFlagsFetch(out, *number, row, view.mailbox.keywords, form);
  }
}

}  // namespace

bool needsNumbers(const View& view, const store::Changes& changes) {
  if (!goneFromView(view, changes).empty()) return true;
  return std::any_of(changes.changed.begin(), changes.changed.end(),
                     [&](const auto& row) { return row.uid.value < view.uidNext && !view.isOurs(row.modSeq); });
}

void applyChanges(std::string& out, View& view, const store::Changes& changes, Expunges expunges, UpdateForm form) {
  const bool newKeywords = changes.mailbox.keywords != view.mailbox.keywords;
  const std::uint32_t oldUidNext = view.uidNext;
  const UidSet gone = goneFromView(view, changes);
  for (const store::UidRange& range : gone.ranges()) view.vanished.add(range);
  view.mailbox = changes.mailbox;
  if (newKeywords) appendFlagsResponse(out, view);
  if (expunges == Expunges::now) tellVanished(out, view, form);
  tellArrived(out, view, changes);
  tellFlags(out, view, oldUidNext, changes, form);
  view.modSeq = std::max(view.modSeq, changes.mailbox.highestModSeq);
  std::erase_if(view.own, [&](store::ModSeq at) { return at <= view.modSeq; });
}

void appendFlagsResponse(std::string& out, const View& view) {
  out += "* FLAGS (";
  appendFlags(out, store::Flags{UINT64_MAX}, view.mailbox.keywords);
  out += ")\r\n* OK [PERMANENTFLAGS (";
  if (view.access == Access::readWrite) {
    appendFlags(out, store::Flags{UINT64_MAX}, view.mailbox.keywords);
    if (view.mailbox.keywords.size() < store::Flags::kMaxKeywords) out += " \\*";
  }
  out += ")] Flags permitted\r\n";
}

void appendFlagsFetch(std::string& out, SequenceNumber number, const store::Changes::Row& row,
                      const std::vector<std::string>& keywords, UpdateForm form) {
  out += "* ";
  appendNumber(out, number.value);
  out += " FETCH (";
  if (form.vanished) {
    out += "UID ";
    appendNumber(out, row.uid.value);
    out += ' ';
  }
  out += "FLAGS (";
  appendFlags(out, row.flags, keywords);
  out += ')';
  if (form.modSeq) {
    out += " MODSEQ (";
    appendNumber(out, row.modSeq);
    out += ')';
  }
  out += ")\r\n";
}

}  // namespace ostler::imap
