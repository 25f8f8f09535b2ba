// SEARCH and UID SEARCH. RFC 9051 6.4.4; RFC 4731 (ESEARCH); RFC 5182 (SAVE, "$"); RFC 7162 3.1.5 (MODSEQ).
// The asking is done in search/, step by step on the store's pool.
#include "imapd/grammar/search_key.h"
#include "imapd/grammar/write.h"
#include "imapd/search/evaluator.h"
#include "imapd/session.h"

namespace ostler::imap {
namespace {

/// What was found, as the answer names it: numbers or UIDs, in ascending order.
struct Found {
  std::vector<std::uint32_t> names;
  store::ModSeq highestModSeq = 0;
};

std::vector<std::uint32_t> namesOf(const UidSet& uids, const View& view, Addressing addressing) {
  std::vector<std::uint32_t> names;
  for (const Uid uid : view.numbers->known(uids)) names.push_back(uid.value);
  if (addressing == Addressing::uid) return names;
  Numbers::Cursor cursor(view.numbers);
  for (std::uint32_t& name : names) name = cursor.number(Uid{name})->value;
  return names;
}

// search-data = "SEARCH" [1*(SP nz-number) [SP search-sort-mod-seq]]: RFC 3501 7.2.5, RFC 7162 3.1.5.
std::string searchResponse(const Found& found, bool withModSeq) {
  std::string out = "* SEARCH";
  for (const std::uint32_t name : found.names) {
    out += ' ';
    appendNumber(out, name);
  }
  if (withModSeq && !found.names.empty()) {
    out += " (MODSEQ ";
    appendNumber(out, found.highestModSeq);
    out += ')';
  }
  return out + "\r\n";
}

// RFC 9051 7.3.4.
std::string esearchResponse(std::string_view tag, Addressing addressing, const SearchResultOptions& options,
                            const Found& found, bool withModSeq) {
  std::string out = "* ESEARCH (TAG ";
  appendString(out, tag);
  out += ')';
  if (addressing == Addressing::uid) out += " UID";
  const auto add = [&](std::string_view name, std::uint64_t value) {
    out += name;
    appendNumber(out, value);
  };
  if (options.min && !found.names.empty()) add(" MIN ", found.names.front());
  if (options.max && !found.names.empty()) add(" MAX ", found.names.back());
  if (options.count) add(" COUNT ", found.names.size());
  if (options.all && !found.names.empty()) {
    out += " ALL ";
    SetWriter set(out);
    for (const std::uint32_t name : found.names) set.add(name);
    set.finish();
  }
  if (withModSeq && !found.names.empty()) add(" MODSEQ ", found.highestModSeq);
  return out + "\r\n";
}

// RFC 5182 2.4: with MIN or MAX alone, only those are saved.
UidSet savedOf(const UidSet& uids, const SearchResultOptions& options) {
  if (options.all || options.count || (!options.min && !options.max) || uids.empty()) return uids;
  UidSet saved;
  if (options.min) saved.add(uids.ranges().front().first);
  if (options.max) saved.add(uids.ranges().back().last);
  return saved;
}

Reply unknownCharset() {
  return Reply::no("BADCHARSET (UTF-8 US-ASCII)", "Unknown charset");
}

}  // namespace

Result<SearchProgram> Session::compile(const SearchArguments& arguments) const {
  SearchSetting setting;
  setting.uidsOf = [this](const SequenceSet& set, Addressing by) { return uidsOf(set, by); };
  setting.charset = arguments.charset;
  setting.now = worker_.clock.now();
  return compileSearch(arguments.key, setting);
}

// For SORT and THREAD. Errors: syntax: the charset is unknown.
Task<Result<Session::Matches>> Session::findAll(const SearchArguments& arguments) {
  if (arguments.usesModSeq) enableCondStore();
  const Result<void> loaded = co_await loadNumbers();
  if (!loaded) co_return fail(loaded.error());
  Result<SearchProgram> program = compile(arguments);
  if (!program) co_return fail(Error::Kind::syntax, program.error().detail);
  Matches matches;
  Result<UidSet> found =
      co_await searchAll(std::make_shared<const SearchProgram>(std::move(*program)), matches.highestModSeq);
  if (!found) co_return fail(found.error());
  matches.uids = std::move(*found);
  co_return matches;
}

Reply Session::searchFailed(const Error& error) const {
  return error.kind == Error::Kind::syntax ? unknownCharset() : answerTo(error);
}

Task<Reply> Session::search(Invocation call) {
  call.in.space();
  SearchArguments arguments = readSearchArguments(call.in);
  if (call.in.failed()) co_return badSyntax(call.in);
  const SearchResultOptions asked = arguments.options;
  const bool withModSeq = arguments.usesModSeq;
  if (withModSeq) enableCondStore();
  const Result<void> loaded = co_await loadNumbers();
  if (!loaded) co_return answerTo(loaded.error());

  Result<SearchProgram> program = compile(arguments);
  if (!program) co_return unknownCharset();
  if (asked.save) selected_->saved = UidSet();  // stays so when the search fails: RFC 5182 2.1
  Found found;
  const Result<UidSet> uids =
      co_await searchAll(std::make_shared<const SearchProgram>(std::move(*program)), found.highestModSeq);
  if (!uids) co_return answerTo(uids.error());
  found.names = namesOf(*uids, view(), call.addressing);
  if (asked.save) selected_->saved = savedOf(*uids, asked);

  if (asked.given || enabled_.rev2) {
    SearchResultOptions shown = asked;
    if (!asked.given) shown.all = true;
    const bool silent = shown.save && !shown.min && !shown.max && !shown.all && !shown.count;
    if (!silent) write(esearchResponse(tag_, call.addressing, shown, found, withModSeq));
  } else {
    write(searchResponse(found, withModSeq));
  }
  co_return Reply::ok("Search completed");
}

Task<Result<UidSet>> Session::searchAll(std::shared_ptr<const SearchProgram> program, store::ModSeq& highestModSeq) {
  UidSet found;
  if (view().uidNext < 2) co_return found;
  UidSet left = program->among.intersect(UidSet::of({Uid{1}, Uid{view().uidNext - 1}}));
  const auto visitor = std::make_shared<SearchVisitor>(program);
  while (!left.empty()) {
    const Result<void> visited = co_await account_->visit(view().mailbox.id, left, program->columns, visitor);
    if (!visited) co_return fail(visited.error());
    if (visitor->failure()) co_return fail(*visitor->failure());
    for (const store::UidRange& range : visitor->found().ranges()) found.add(range);
    highestModSeq = std::max(highestModSeq, visitor->highestModSeq());
    if (!visitor->stopped() || visitor->lastUid().value == UINT32_MAX) break;
    left = left.intersect(UidSet::of({Uid{visitor->lastUid().value + 1}, Uid{UINT32_MAX}}));
  }
  co_return found;
}

}  // namespace ostler::imap
