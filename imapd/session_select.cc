// The selected mailbox: opening it, keeping its view and the client's in step, turning sets of messages into UIDs.
// RFC 9051 6.3.2, 5.2; RFC 7162 3.2.5 (QRESYNC); RFC 5182 ("$").
#include <algorithm>

#include "imapd/grammar/write.h"
#include "imapd/session.h"

namespace ostler::imap {
namespace {

/// SELECT mailbox (CONDSTORE) or (QRESYNC (uidvalidity modseq [known-uids [(numbers uids)]])).
struct SelectParameters {
  bool condStore = false;
  struct Resync {
    std::uint32_t uidValidity = 0;
    store::ModSeq modSeq = 0;
    std::optional<SequenceSet> known;
  };
  std::optional<Resync> resync;
};

SelectParameters::Resync readResync(Reader& in) {
  SelectParameters::Resync resync;
  in.space();
  in.expect('(');
  resync.uidValidity = in.nonZeroNumber();
  in.space();
  resync.modSeq = in.number64();
  if (in.accept(' ')) {
    if (in.peek() != '(') resync.known = readSequenceSet(in);
    // What the client believes about numbers would only save octets where our history does not go back far enough.
    if (in.peek() == '(' || in.accept(' ')) {
      in.expect('(');
      (void)readSequenceSet(in);
      in.space();
      (void)readSequenceSet(in);
      in.expect(')');
    }
  }
  in.expect(')');
  return resync;
}

SelectParameters readParameters(Reader& in) {
  SelectParameters parameters;
  if (!in.accept(' ')) return parameters;
  in.expect('(');
  do {
    if (in.acceptWord("CONDSTORE")) {
      parameters.condStore = true;
    } else if (in.acceptWord("QRESYNC")) {
      parameters.resync = readResync(in);
    } else {
      in.fail("Unknown SELECT parameter");
    }
  } while (in.accept(' '));
  in.expect(')');
  return parameters;
}

UidSet setOf(const std::vector<SequenceSet::Range>& ranges) {
  std::vector<store::UidRange> out;
  out.reserve(ranges.size());
  for (const auto& range : ranges) out.push_back({Uid{range.first}, Uid{range.last}});
  return UidSet::fromRanges(std::move(out));
}

void appendUntaggedOk(std::string& out, std::string_view code, std::uint64_t value, std::string_view text) {
  out += "* OK [";
  out += code;
  out += ' ';
  appendNumber(out, value);
  out += "] ";
  out += text;
  out += "\r\n";
}

// What SELECT says of a mailbox: all of it is known in constant time.
std::string selectResponses(const View& view, NameForm form, bool rev2) {
  std::string out;
  appendFlagsResponse(out, view);
  out += "* ";
  appendNumber(out, view.exists);
  out += " EXISTS\r\n";
  if (!rev2) out += "* 0 RECENT\r\n";
  appendUntaggedOk(out, "UIDVALIDITY", view.mailbox.uidValidity, "UIDs are valid");
  appendUntaggedOk(out, "UIDNEXT", view.uidNext, "Predicted next UID");
  appendUntaggedOk(out, "HIGHESTMODSEQ", view.modSeq, "Highest");
  out += "* OK [MAILBOXID (";
  appendObjectId(out, 'F', view.mailbox.id);
  out += ")] Ok\r\n";
  if (rev2) {
    out += "* LIST () \"/\" ";
    appendMailboxName(out, view.mailbox.name, form);
    out += "\r\n";
  }
  return out;
}

// RFC 7162 3.2.5.1: what vanished and what changed since the client was here last.
void appendResync(std::string& out, const View& view, const store::Changes& changes,
                  const std::optional<SequenceSet>& known) {
  const std::uint32_t largest = view.uidNext - 1;
  UidSet vanished = largest == 0 ? UidSet() : changes.vanished.intersect(UidSet::of({Uid{1}, Uid{largest}}));
  if (known) vanished = vanished.intersect(setOf(known->resolve(largest)));
  if (!vanished.empty()) out += "* VANISHED (EARLIER) " + vanished.text() + "\r\n";
  const UidSet asked = known ? setOf(known->resolve(largest)) : UidSet::all();
  Numbers::Cursor cursor(view.numbers);
  for (const auto& row : changes.changed) {
    if (!asked.contains(row.uid)) continue;
    if (const auto number = cursor.number(row.uid))
      appendFlagsFetch(out, *number, row, view.mailbox.keywords, {true, true});
  }
}

}  // namespace

Result<std::string> Session::readMailbox(Reader& in) const {
  const std::string wire = in.astring();
  if (in.failed()) return fail(in.error());
  return mailboxNameFromWire(wire, nameForm());
}

Task<Reply> Session::openMailbox(Invocation call, Access access) {
  Reader& in = call.in;
  in.space();
  const Result<std::string> name = readMailbox(in);
  const SelectParameters parameters = readParameters(in);
  in.end();
  if (in.failed()) co_return badSyntax(in);
  if (parameters.resync && !enabled_.qresync) co_return Reply::bad("ENABLE QRESYNC first");
  if (selected_) {
    leaveMailbox();  // also when the new one cannot be opened: RFC 9051 6.3.2
    write("* OK [CLOSED] Previous mailbox is closed now\r\n");
  }
  if (!name) co_return answerTo(name.error());
  const Result<store::MailboxInfo> mailbox = co_await account_->mailbox(*name);
  if (!mailbox) co_return answerTo(mailbox.error());
  if (!mailbox->exists) co_return Reply::no("NONEXISTENT", "No such mailbox");
  if (parameters.condStore) enabled_.condStore = true;

  auto selected = std::make_unique<Selected>();
  selected->view.mailbox = *mailbox;
  selected->view.access = access;
  selected->view.modSeq = mailbox->highestModSeq;
  selected->view.uidNext = mailbox->uidNext;
  selected->view.exists = static_cast<std::uint32_t>(mailbox->messages);
  selected->watch = account_->watch([this](store::ChangeHint hint) { noticed(hint); });
  selected_ = std::move(selected);
  write(selectResponses(view(), nameForm(), enabled_.rev2));
  if (parameters.resync && parameters.resync->uidValidity == mailbox->uidValidity) {
    const Result<store::Changes> changes = co_await account_->changesSince(mailbox->id, parameters.resync->modSeq);
    if (!changes) co_return answerTo(changes.error());
    const Result<void> loaded = co_await loadNumbers();
    if (!loaded) co_return answerTo(loaded.error());
    std::string out;
    appendResync(out, view(), *changes, parameters.resync->known);
    write(out);
  }
  co_return Reply::okWith(access == Access::readOnly ? "READ-ONLY" : "READ-WRITE", "Selected");
}

void Session::leaveMailbox() {
  selected_.reset();
}

// From the loop, whenever somebody changed the account.
void Session::noticed(const store::ChangeHint& hint) {
  if (!selected_) return;
  const bool ours = hint.mailbox.isNull() || hint.mailbox == view().mailbox.id;
  if (!ours || (hint.modSeq != 0 && hint.modSeq <= view().modSeq)) return;
  selected_->changed = true;
  if (idling_) connection_.interruptRead();
}

// Asks the store what is new and tells the client. Errors: notFound when the mailbox is gone.
Task<Result<void>> Session::synchronize(Expunges expunges) {
  selected_->changed = false;
  const Result<store::Changes> changes = co_await account_->changesSince(view().mailbox.id, view().modSeq);
  if (!changes) co_return fail(changes.error());
  if (!view().numbers && needsNumbers(view(), *changes)) {
    const Result<void> loaded = co_await loadNumbers();
    if (!loaded) co_return loaded;
  }
  std::string out;
  applyChanges(out, view(), *changes, expunges, updateForm());
  write(out);
  co_return Result<void>();
}

// The view may be older than the store: others do not wait for us.
Task<Result<void>> Session::loadNumbers() {
  for (int attempt = 0; !view().numbers && attempt < 10; ++attempt) {
    const Result<store::Account::Uids> now = co_await account_->uids(view().mailbox.id);
    if (!now) co_return fail(now.error());
    store::Changes since;
    if (now->mailbox.highestModSeq != view().modSeq) {
      Result<store::Changes> changes = co_await account_->changesSince(view().mailbox.id, view().modSeq);
      if (!changes) co_return fail(changes.error());
      since = std::move(*changes);
      if (since.mailbox.highestModSeq != now->mailbox.highestModSeq) continue;
    }
    auto numbers = numbersAt(view(), now->uids, since);
    if (!numbers) break;
    view().numbers = std::make_shared<const Numbers>(std::move(*numbers));
  }
  if (view().numbers) co_return Result<void>();
  // Nobody can say any more which message has which number. The client has to begin anew.
  bye("The mailbox has changed too much, please select it again");
  co_return fail(Error::Kind::temporary, "view lost");
}

UidSet Session::uidsOf(const SequenceSet& set, Addressing addressing) const {
  const View& seen = selected_->view;
  if (set.saved) return selected_->saved;
  if (addressing == Addressing::number) {
    std::vector<SequenceSet::Range> there;
    for (auto range : set.resolve(seen.exists)) {
      range.last = std::min(range.last, seen.exists);
      if (range.first <= range.last) there.push_back(range);
    }
    return seen.numbers->uids(there);
  }
  // "*" is the largest UID in use; that is known without the list only where no message has gone since.
  const std::uint32_t largest = seen.numbers ? seen.numbers->largest().value : seen.uidNext - 1;
  return setOf(set.resolve(largest));
}

// Errors: syntax for a number that no message has (RFC 9051 9: "an error to use one beyond").
Task<Result<UidSet>> Session::resolve(SequenceSet set, Addressing addressing) {
  const Result<void> loaded = co_await loadNumbers();
  if (!loaded) co_return fail(loaded.error());
  const bool none = view().exists == 0 && set.hasStar();  // "1:*" of an empty mailbox is nothing, not a mistake
  if (addressing == Addressing::number && !set.saved && !none) {
    const auto ranges = set.resolve(view().exists);
    if (ranges.empty() || ranges.back().last > view().exists) {
      co_return fail(Error::Kind::syntax, "No message has such a number");
    }
  }
  co_return uidsOf(set, addressing);
}

// The first command that shows interest in MODSEQ turns it on: RFC 7162 3.1.
void Session::enableCondStore() {
  if (enabled_.condStore) return;
  enabled_.condStore = true;
  if (!selected_) return;
  std::string out;
  appendUntaggedOk(out, "HIGHESTMODSEQ", view().modSeq, "Highest");
  write(out);
}

}  // namespace ostler::imap
