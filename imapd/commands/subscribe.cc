// SUBSCRIBE and UNSUBSCRIBE. RFC 9051 6.3.7, 6.3.8. A name without a mailbox may be subscribed to.
#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::subscribe(Invocation call) {
  return changeSubscription(std::move(call), Subscription::on);
}

Task<Reply> Session::unsubscribe(Invocation call) {
  return changeSubscription(std::move(call), Subscription::off);
}

Task<Reply> Session::changeSubscription(Invocation call, Subscription wanted) {
  Reader& in = call.in;
  in.space();
  const Result<std::string> name = readMailbox(in);
  in.end();
  if (in.failed()) co_return badSyntax(in);
  if (!name) co_return answerTo(name.error());
  const Result<void> changed = co_await account_->subscribe(*name, wanted == Subscription::on);
  if (!changed) co_return answerTo(changed.error());
  co_return Reply::ok(wanted == Subscription::on ? "Subscribed" : "Unsubscribed");
}

}  // namespace ostler::imap
