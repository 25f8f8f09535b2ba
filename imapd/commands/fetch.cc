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

namespace {

/// One visit of the store, which goes on while the session sends what the visit before it rendered.
struct Step {
  explicit Step(Loop& loop) : done(loop) {}
  std::shared_ptr<FetchVisitor> visitor;
  UidSet uids;
  Result<void> outcome;
  Signal done;
};

Task<void> render(std::shared_ptr<store::Account> account, store::MailboxId mailbox, store::Columns columns,
                  std::shared_ptr<Step> step) {
  step->outcome = co_await account->visit(mailbox, step->uids, columns, step->visitor);
  step->done.set();
}

// What comes behind the last message that was rendered; empty when there is nothing more.
UidSet behind(const Step& step) {
  const std::uint32_t last = step.visitor->lastUid().value;
  if (!step.visitor->stopped() || last == UINT32_MAX) return {};
  return step.uids.intersect(UidSet::of({Uid{last + 1}, Uid{UINT32_MAX}}));
}

}  // namespace

// Two visitors take turns: while one's output leaves, the other renders. So no more than two pieces are in memory.
Task<Result<Session::Fetched>> Session::fetchAll(UidSet uids, std::shared_ptr<const FetchPlan> plan) {
  Fetched fetched;
  const store::MailboxId mailbox = view().mailbox.id;
  auto current = std::make_shared<Step>(worker_.loop);
  auto next = std::make_shared<Step>(worker_.loop);
  current->visitor = std::make_shared<FetchVisitor>(plan, view().numbers);
  current->uids = std::move(uids);
  TaskScope rendering(worker_.loop);
  if (!current->uids.empty()) rendering.spawn(render(account_, mailbox, plan->columns, current));
  while (!current->uids.empty()) {
    const Result<void> woken = co_await current->done.wait(Deadline::never());
    if (!woken) co_return fail(woken.error());
    if (!current->outcome) co_return fail(current->outcome.error());
    FetchVisitor& visitor = *current->visitor;
    if (visitor.failure()) co_return fail(*visitor.failure());
    next->uids = behind(*current);
    if (!next->uids.empty()) {
      if (!next->visitor) next->visitor = std::make_shared<FetchVisitor>(plan, view().numbers);
      rendering.spawn(render(account_, mailbox, plan->columns, next));
    }
    if (!visitor.madeSeen().empty()) {
      const Result<void> marked = co_await markSeen(visitor.madeSeen(), plan->seen);
      if (!marked) co_return fail(marked.error());
    }
    const Result<void> sent = co_await send(visitor.output());
    if (!sent) {
      // In the middle of a response nothing else can be said.
      ended_ = true;
      endReason_ = sent.error().kind == Error::Kind::timeout ? "slow" : "closed";
      co_return fail(sent.error());
    }
    fetched.messages += visitor.rendered();
    fetched.unknownEncoding = fetched.unknownEncoding || visitor.unknownEncoding();
    std::swap(current, next);
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
