// draft_mailboxes.cc - what comes over LMTP goes into the mailboxes at once, with one reply per recipient. RFC 2033 4.2.

#include "libmailcore/message/received.h"
#include "queued/report/report.h"
#include "queued/spool/draft_state.h"

namespace ostler::spool {

namespace {

constexpr std::size_t kMailboxOutcomes = 10'000;

}  // namespace

/// Nothing is queued for a mailbox: the reply says what became of the message, so the client keeps what is not stored.
Task<Result<ipc::CommitReply>> Drafts::commitToMailboxes(std::shared_ptr<Draft> draft) {
  const MessageRecord record = recordOf(*draft);  // looks at the content, which is given away next
  std::shared_ptr<const std::string> content;
  if (!draft->file) {
    buffered_ -= draft->buffer.size();
    content = std::make_shared<const std::string>(std::exchange(draft->buffer, {}));
  }
  ipc::CommitReply reply;
  reply.queueId = draft->id.text();
  for (std::size_t at = 0; at < draft->envelope.recipients.size(); ++at) {
    ipc::SmtpReply one = co_await deliverNow(draft, record, content, at);
    reply.replies.push_back(std::move(one));
  }
  remember(reply, draft->id);
  co_return reply;
}

/// What an alias leads to elsewhere, too, or to several mailboxes, needs the queue, so all of this recipient goes there: as a message of
/// its own. One reply cannot say that some have it and others not, and a client that tried again would double it for those.
Task<ipc::SmtpReply> Drafts::queueNow(std::shared_ptr<Draft> draft, MessageRecord record, std::shared_ptr<const std::string> content,
                                      std::size_t recipient) {
  const Id128 id = record.id = Id128::make(env_.now());
  RecipientRecord alone;  // of the record's own, who was named twice is one
  alone.recipient = draft->envelope.recipients[recipient];
  alone.due = record.handling.holdUntil;
  record.recipients = {std::move(alone)};
  Result<void> taken;
  if (draft->file) {
    auto job = [file = draft->file, id] { return file->shareAs(id); };
    taken = co_await env_.disk.run(env_.loop, std::move(job));
  }
  if (taken) taken = co_await acceptance_.accept(std::move(record), std::move(content));
  if (taken) co_return ipc::SmtpReply{250, "2.1.5", "Ok, queued"};
  if (draft->file && env_.queue.find(id) == nullptr) env_.disk.post([&files = env_.large, id] { files.unlink(id); });
  co_return ipc::SmtpReply{452, "4.3.1", "The queue takes no mail just now"};
}

Task<ipc::SmtpReply> Drafts::deliverNow(std::shared_ptr<Draft> draft, MessageRecord record, std::shared_ptr<const std::string> content,
                                        std::size_t recipient) {
  const std::string path = draft->envelope.recipients[recipient].forwardPath;
  const auto resolution = co_await env_.directory.resolve(path);
  if (!resolution) co_return ipc::SmtpReply{451, "4.3.0", "The directory of users does not answer. Try again later"};
  const route::Route route = route::route(*env_.config, {.forwardPath = path}, **resolution);
  if (route.kind == route::Route::Kind::reject) co_return route.reply;
  if (route.kind != route::Route::Kind::local || !route.expansion.empty() || route.locals.size() > 1 || !(*resolution)->nobody.empty()) {
    ipc::SmtpReply queued = co_await queueNow(std::move(draft), std::move(record), std::move(content), recipient);
    co_return queued;
  }
  struct Said {
    explicit Said(Loop& loop) : done(loop) {}
    ipc::SmtpReply reply{250, "2.1.5", "Delivered"};
    Signal done;
  };
  const auto said = std::make_shared<Said>(env_.loop);
  const route::LocalTarget& target = route.locals.front();
  deliver::Parcel parcel;
  parcel.message = draft->id;
  parcel.mailbox = target.mailbox;
  parcel.prefix = message::writeReturnPath(draft->envelope.reversePath) + message::writeDeliveredTo(path);
  parcel.content = content;
  parcel.size = draft->size;
  parcel.internalDate = toUnixMillis(env_.now()) / 1000;
  parcel.urgent = true;
  if (draft->file) parcel.file = [file = draft->file] { return file->copyFd(); };
  env_.mailboxes.deliver(target.account, std::move(parcel), [said](deliver::LocalOutcome outcome) {
    if (outcome.state != deliver::LocalOutcome::State::stored) said->reply = std::move(outcome.reply);
    said->done.set();
  });
  const Result<void> done = co_await said->done.wait(Deadline::never());
  (void)done;
  env_.log.of(draft->session.virtualServer).info("delivered", {{"id", draft->id.text()}, {"to", path}, {"by", "lmtp"}, {"reply", report::oneLine(said->reply)}});
  co_return said->reply;
}

/// Nothing of it is queued, so that the queue does not know it: for a client that lost us before the replies came.
void Drafts::remember(const ipc::CommitReply& reply, const Id128& id) {
  if (!mailboxOutcomes_.emplace(id, reply).second) return;
  mailboxOrder_.push_back(id);
  if (mailboxOrder_.size() <= kMailboxOutcomes) return;
  mailboxOutcomes_.erase(mailboxOrder_.front());
  mailboxOrder_.pop_front();
}

}  // namespace ostler::spool
