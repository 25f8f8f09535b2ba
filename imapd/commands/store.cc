// STORE and UID STORE: changes flags. RFC 9051 6.4.6, 6.4.9; RFC 7162 3.1.3 (UNCHANGEDSINCE, MODIFIED).
#include "imapd/grammar/flags.h"
#include "imapd/grammar/write.h"
#include "imapd/session.h"

namespace ostler::imap {
namespace {

struct StoreArguments {
  SequenceSet set;
  store::FlagsOperation operation;
  bool silent = false;
};

// store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
StoreArguments readArguments(Reader& in) {
  using Kind = store::FlagsOperation::Kind;
  StoreArguments arguments;
  in.space();
  arguments.set = readSequenceSet(in);
  in.space();
  if (in.accept('(')) {
    if (!in.acceptWord("UNCHANGEDSINCE")) in.fail("Unknown STORE modifier");
    in.space();
    arguments.operation.unchangedSince = in.number64();
    in.expect(')');
    in.space();
  }
  arguments.operation.kind = in.accept('+') ? Kind::add : in.accept('-') ? Kind::remove : Kind::replace;
  const std::string item = in.word();
  arguments.silent = item == "FLAGS.SILENT";
  if (item != "FLAGS" && !arguments.silent) in.fail("Unknown STORE item");
  in.space();
  arguments.operation.flags = readFlags(in);
  in.end();
  return arguments;
}

FetchItem silentItem(FetchItem::Kind kind) {
  FetchItem item;
  item.kind = kind;
  item.peek = true;
  return item;
}

}  // namespace

Task<Reply> Session::store(Invocation call) {
  StoreArguments arguments = readArguments(call.in);
  if (call.in.failed()) co_return badSyntax(call.in);
  if (arguments.operation.unchangedSince) enableCondStore();
  const Result<UidSet> uids = co_await resolve(std::move(arguments.set), call.addressing);
  if (!uids && uids.error().kind == Error::Kind::syntax) co_return Reply::bad(uids.error().detail);
  if (!uids) co_return answerTo(uids.error());

  Result<store::FlagsChanged> changed =
      co_await account_->changeFlags(view().mailbox.id, *uids, std::move(arguments.operation));
  if (!changed && changed.error().kind == Error::Kind::limit)
    co_return Reply::no("LIMIT", "The mailbox has too many keywords");
  if (!changed) co_return answerTo(changed.error());
  view().changedByUs(changed->modSeq);
  if (changed->mailbox.keywords != view().mailbox.keywords) {
    view().mailbox.keywords = changed->mailbox.keywords;
    std::string out;
    appendFlagsResponse(out, view());
    write(out);
  }
  // Untold flags are told for every message asked for; .SILENT leaves the MODSEQs of those that changed: RFC
  // 7162 3.1.3.
  if (!arguments.silent || enabled_.condStore) {
    FetchArguments told;
    if (!arguments.silent) told.items.push_back(silentItem(FetchItem::Kind::flags));
    if (enabled_.qresync) told.items.push_back(silentItem(FetchItem::Kind::uid));
    const UidSet which = arguments.silent ? changed->changed : uids->without(changed->modified);
    const auto plan =
        std::make_shared<const FetchPlan>(std::move(told), call.addressing, FetchPlan::Seen::leave, enabled_.condStore);
    const Result<Fetched> fetched = co_await fetchAll(which, plan);
    if (!fetched) co_return answerTo(fetched.error());
  }
  if (changed->modified.empty()) co_return Reply::ok("Store completed");
  std::string code = "MODIFIED ";
  SetWriter set(code);
  for (const Uid uid : view().numbers->known(changed->modified)) {
    set.add(call.addressing == Addressing::uid ? uid.value : view().numbers->number(uid)->value);
  }
  set.finish();
  co_return Reply::okWith(std::move(code), "Some messages have changed meanwhile");
}

}  // namespace ostler::imap
