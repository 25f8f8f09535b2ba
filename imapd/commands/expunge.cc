// EXPUNGE and UID EXPUNGE. RFC 9051 6.4.3, 6.4.9; RFC 7162 3.2.9 (HIGHESTMODSEQ).
#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::expunge(Invocation call) {
  Reader& in = call.in;
  SequenceSet set;
  if (call.addressing == Addressing::uid) {
    in.space();
    set = readSequenceSet(in);
  }
  in.end();
  if (in.failed()) co_return badSyntax(in);
  UidSet among = UidSet::all();
  if (call.addressing == Addressing::uid) {
    const Result<UidSet> uids = co_await resolve(set, Addressing::uid);
    if (!uids) co_return answerTo(uids.error());
    among = *uids;
  }
  const Result<UidSet> expunged =
      co_await account_->expunge(view().mailbox.id, std::move(among), store::Account::Expunge::deletedOnly);
  if (!expunged) co_return answerTo(expunged.error());
  if (expunged->empty()) co_return Reply::ok("Nothing to expunge");
  const Result<void> told = co_await synchronize(Expunges::now);
  if (!told) co_return answerTo(told.error());
  if (!enabled_.qresync) co_return Reply::ok("Expunged");
  co_return Reply::okWith("HIGHESTMODSEQ " + std::to_string(view().modSeq), "Expunged");
}

}  // namespace ostler::imap
