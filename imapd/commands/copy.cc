// COPY and MOVE, by number and by UID: all messages or none. RFC 9051 6.4.7, 6.4.8; RFC 4315 3 (COPYUID); RFC 6851 4.3.
#include "imapd/grammar/write.h"
#include "imapd/session.h"

namespace ostler::imap {
namespace {

std::string copyUid(const store::Copied& copied) {
  std::string code = "COPYUID ";
  appendNumber(code, copied.uidValidity);
  return code + ' ' + copied.from.text() + ' ' + copied.to.text();
}

}  // namespace

Task<Reply> Session::copy(Invocation call) {
  return transfer(std::move(call), Transfer::copy);
}

Task<Reply> Session::move(Invocation call) {
  return transfer(std::move(call), Transfer::move);
}

Task<Reply> Session::transfer(Invocation call, Transfer how) {
  Reader& in = call.in;
  in.space();
  SequenceSet set = readSequenceSet(in);
  in.space();
  const Result<std::string> name = readMailbox(in);
  in.end();
  if (in.failed()) co_return badSyntax(in);
  if (!name) co_return answerTo(name.error());
  const Result<UidSet> uids = co_await resolve(std::move(set), call.addressing);
  if (!uids && uids.error().kind == Error::Kind::syntax) co_return Reply::bad(uids.error().detail);
  if (!uids) co_return answerTo(uids.error());
  const Result<store::MailboxInfo> target = co_await account_->mailbox(*name);
  if (!target && target.error().kind == Error::Kind::notFound) co_return Reply::no("TRYCREATE", "No such mailbox");
  if (!target) co_return answerTo(target.error());

  const bool moving = how == Transfer::move;
  Result<store::Copied> copied = fail(Error::Kind::temporary, "");
  if (moving) {
    copied = co_await account_->move(view().mailbox.id, *uids, target->id);
  } else {
    copied = co_await account_->copy(view().mailbox.id, *uids, target->id);
  }
  if (!copied) co_return answerTo(copied.error());
  if (moving || target->id == view().mailbox.id) selected_->changed = true;
  if (copied->to.empty()) co_return Reply::ok("No messages");
  if (!moving) co_return Reply::okWith(copyUid(*copied), "Copied");
  write("* OK [" + copyUid(*copied) + "] Moved\r\n");  // in front of the EXPUNGEs: RFC 6851 4.3
  co_return Reply::ok("Moved");
}

}  // namespace ostler::imap
