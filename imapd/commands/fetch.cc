// FETCH and UID FETCH. RFC 9051 6.4.5, 6.4.9; RFC 7162 3.1.4 (CHANGEDSINCE), 3.2.6 (VANISHED).
// Rendering is done in fetch/ on the store's pool, 256 KiB at a time; what is rendered leaves before more is.
#include "imapd/grammar/fetch_items.h"
#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::fetch(Invocation call) {
  Reader& in = call.in;
  in.space();
  SequenceSet set = readSequenceSet(in);
  in.space();
  FetchArguments arguments = readFetchArguments(in);
  if (in.failed()) co_return badSyntax(in);
  if (arguments.vanished && (!enabled_.qresync || !arguments.changedSince || call.addressing != Addressing::uid)) {
    co_return Reply::bad("VANISHED needs ENABLE QRESYNC, UID FETCH and CHANGEDSINCE");
  }
  if (arguments.changedSince || arguments.has(FetchItem::Kind::modSeq)) enableCondStore();
  const Result<UidSet> uids = co_await resolve(std::move(set), call.addressing);
  if (!uids && uids.error().kind == Error::Kind::syntax) co_return Reply::bad(uids.error().detail);
  if (!uids) co_return answerTo(uids.error());
  if (arguments.vanished) {
    const Result<void> told = co_await tellVanishedSince(*arguments.changedSince, *uids);
    if (!told) co_return answerTo(told.error());
  }
  FetchPlan::Seen seen = FetchPlan::Seen::leave;
  if (arguments.setsSeen() && view().access == Access::readWrite) {
    // With CONDSTORE the new MODSEQ has to be told as well, which is known only afterwards.
    seen = enabled_.condStore ? FetchPlan::Seen::set : FetchPlan::Seen::setAndTell;
  }
  const bool modSeq = arguments.changedSince.has_value();
  const auto plan = std::make_shared<const FetchPlan>(std::move(arguments), call.addressing, seen, modSeq);
  const Result<Fetched> fetched = co_await fetchAll(*uids, plan);
  if (!fetched) co_return answerTo(fetched.error());
  if (fetched->unknownEncoding) co_return Reply::no("UNKNOWN-CTE", "A part has an unknown transfer encoding");
  if (call.addressing == Addressing::number && !plan->changedSince && fetched->messages < uids->count() &&
      !view().vanished.empty()) {
    co_return Reply::no("EXPUNGEISSUED", "Some of these messages are gone");  // RFC 5530 3
  }
  co_return Reply::ok("Fetch completed");
}

Task<Result<Session::Fetched>> Session::fetchAll(UidSet uids, std::shared_ptr<const FetchPlan> plan) {
  Fetched fetched;
  const auto visitor = std::make_shared<FetchVisitor>(plan, view().numbers);
  while (!uids.empty()) {
    const Result<void> visited = co_await account_->visit(view().mailbox.id, uids, plan->columns, visitor);
    if (!visited) co_return fail(visited.error());
    if (visitor->failure()) co_return fail(*visitor->failure());
    if (!visitor->madeSeen().empty()) {
      const Result<void> marked = co_await markSeen(visitor->madeSeen(), plan->seen);
      if (!marked) co_return fail(marked.error());
    }
    const Result<void> sent = co_await send(visitor->output());
    if (!sent) {
      // In the middle of a response nothing else can be said.
      ended_ = true;
      endReason_ = sent.error().kind == Error::Kind::timeout ? "slow" : "closed";
      co_return fail(sent.error());
    }
    fetched.messages += visitor->rendered();
    fetched.unknownEncoding = fetched.unknownEncoding || visitor->unknownEncoding();
    if (!visitor->stopped() || visitor->lastUid().value == UINT32_MAX) break;
    uids = uids.intersect(UidSet::of({Uid{visitor->lastUid().value + 1}, Uid{UINT32_MAX}}));
  }
  co_return fetched;
}

// Reading sets \Seen: RFC 9051 6.4.5. Before anything is sent, so that nothing untrue is.
Task<Result<void>> Session::markSeen(UidSet uids, FetchPlan::Seen seen) {
  store::FlagsOperation operation;
  operation.kind = store::FlagsOperation::Kind::add;
  operation.flags.system = store::Flags::kSeen;
  const Result<store::FlagsChanged> changed =
      co_await account_->changeFlags(view().mailbox.id, std::move(uids), std::move(operation));
  if (!changed) co_return fail(changed.error());
  if (seen == FetchPlan::Seen::setAndTell) {
    view().changedByUs(changed->modSeq);
  } else {
    selected_->changed = true;  // told with its MODSEQ at the end of the command
  }
  co_return Result<void>();
}

Task<Result<void>> Session::tellVanishedSince(store::ModSeq since, UidSet among) {
  const Result<store::Changes> changes = co_await account_->changesSince(view().mailbox.id, since);
  if (!changes) co_return fail(changes.error());
  const UidSet vanished = changes->vanished.intersect(among);
  if (!vanished.empty()) write("* VANISHED (EARLIER) " + vanished.text() + "\r\n");
  co_return Result<void>();
}

}  // namespace ostler::imap
