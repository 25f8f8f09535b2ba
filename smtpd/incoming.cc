#include "smtpd/incoming.h"

#include "libmailcore/ipc/message.h"
#include "libmailcore/message/compose.h"
#include "libmailcore/message/received.h"

namespace ostler::smtpd {
namespace {

using namespace std::chrono_literals;
using smtp::Reply;

constexpr std::size_t kFrame = 64 * 1024;     // DraftData's most
constexpr std::size_t kUnansweredFrames = 4;  // and how many of them
constexpr auto kCallTime = 30s;               // for what the spool answers without a sync
constexpr auto kCommitTime = 300s;            // RFC 5321 4.5.3.2.6: the client waits ten minutes
constexpr auto kOutcomeTime = 60s;
constexpr auto kBudgetLook = 20ms;
constexpr std::size_t kLongestLine = 998;  // RFC 5322 2.1.1

bool mayBeTheirs(const Error& error) {
  return error.kind == Error::Kind::closed || error.kind == Error::Kind::timeout ||
         error.kind == Error::Kind::outcomeUnknown;
}

}  // namespace

Reply toReply(const ipc::SmtpReply& answer) {
  if (answer.code < 200 || answer.code > 599) return {451, "4.3.0", "Temporary failure"};
  return {answer.code, answer.enhanced, answer.text};
}

Reply replyFor(const Error& error) {
  switch (error.kind) {
    case Error::Kind::limit:
      return {452, "4.3.1", "Insufficient system storage"};
    case Error::Kind::denied:
      return {550, "5.7.1", "Not allowed"};
    case Error::Kind::permanent:
      return {554, "5.3.0", "Refused"};
    default:
      return {451, "4.3.0", "Temporary failure, please try again later"};
  }
}

Incoming::Incoming(Loop& loop, Policy& policy, Budget& budget, ipc::OpenDraft request, IncomingSettings settings)
    : loop_(loop),
      policy_(policy),
      share_(budget),
      draft_(request.draft),
      recipients_(request.envelope.recipients.size()),
      settings_(std::move(settings)),
      chunk_(settings_.traceField),
      counted_(chunk_.size()),
      openSignal_(loop),
      unanswered_(loop, kUnansweredFrames),
      calls_(loop) {
  calls_.spawn(open(*this, std::move(request)));
}

Incoming::~Incoming() {
  if (discardable_) policy_.discard({draft_});
}

Task<void> Incoming::open(Incoming& self, ipc::OpenDraft request) {
  const Result<ipc::SmtpReply> answer = co_await self.policy_.openDraft(std::move(request), Deadline::after(kCallTime));
  if (!answer) self.failed(answer.error());
  if (answer && answer->code != 250) self.refuse(toReply(*answer));
  self.openAnswered_ = true;
  self.openSignal_.set();
}

Task<Result<void>> Incoming::opened() {
  if (!openAnswered_) {
    const Result<void> woken = co_await openSignal_.wait(Deadline::after(kCallTime));
    if (!woken) failed(woken.error());
  }
  if (refusal_) co_return fail(Error::Kind::temporary, refusal_->text);
  co_return Result<void>();
}

void Incoming::failed(const Error& error) {
  if (refusal_) return;
  refusal_ = replyFor(error);
  detail_ = error.detail;
}
void Incoming::refuse(Reply reply) {
  if (!refusal_) refusal_ = std::move(reply);
}

void Incoming::judge() {
  if (!refusal_ && settings_.objection) refusal_ = settings_.objection(content_);
}

Task<void> Incoming::passOn(Deadline deadline) {
  content_.octets += chunk_.size() - counted_;
  counted_ = chunk_.size();
  judge();
  if (!refusal_) co_await reserve(deadline);
  while (!refusal_ && chunk_.size() >= kFrame) {
    co_await sendFrame();
  }
  if (refusal_) {
    chunk_.clear();
    counted_ = 0;
    (void)share_.hold(0);
  }
}

// The first octets of the chunk, a frame at most.
Task<void> Incoming::sendFrame() {
  completeHeader();
  const Result<void> agreed = co_await opened();  // the spool knows a draft once it has answered
  if (!agreed || refusal_) co_return;
  Result<Semaphore::Permit> permit = co_await unanswered_.acquire(Deadline::after(kCallTime));
  if (!permit) {
    failed(permit.error());
    co_return;
  }
  std::string rest;
  if (chunk_.size() >= kFrame) {  // more will follow
    rest.reserve(2 * kFrame);
    rest.append(chunk_, kFrame);
    chunk_.resize(kFrame);
  }
  calls_.spawn(send(*this, std::exchange(chunk_, std::move(rest)), std::move(*permit)));
  counted_ = chunk_.size();
}

Task<void> Incoming::send(Incoming& self, std::string octets, Semaphore::Permit permit) {
  const Result<ipc::Empty> answer =
      co_await self.policy_.sendData({self.draft_, octets}, Deadline::after(kCallTime));
  if (!answer) self.failed(answer.error());
  (void)permit;  // given back now: another frame may go
}

// Holds what is buffered and what is on the way. When the process has too much, a session that holds some hands it on
// and lets go of it; one that holds nothing waits, and so does its client. So nobody waits for octets that wait
// themselves.
Task<void> Incoming::reserve(Deadline deadline) {
  while (!share_.hold(chunk_.size() + (kUnansweredFrames - unanswered_.available()) * kFrame)) {
    if (share_.held() > 0) {
      while (!refusal_ && !chunk_.empty()) co_await sendFrame();
      const Result<void> answered = co_await calls_.whenIdle(Deadline::after(kCallTime));
      if (!answered) failed(answered.error());
      (void)share_.hold(0);
      co_return;
    }
    if (deadline.passed()) {
      refuse({452, "4.3.1", "Too busy, please try again later"});
      co_return;
    }
    co_await loop_.sleepUntil(Deadline::after(kBudgetLook));
  }
}

// Before the first octets leave: what looks at the header looks at it now. To a header that does not fit nothing is
// added.
void Incoming::completeHeader() {
  if (std::exchange(headerDone_, true)) return;
  const std::string_view content = std::string_view(chunk_).substr(settings_.traceField.size());
  content_.received = message::countReceived(content);
  judge();
  if (refusal_) return;
  mendHeader();
  completeFields();
}

// Readers need an empty line between header and text; a header of its own may have none, or begin as in an mbox.
void Incoming::mendHeader() {
  const std::size_t begin = settings_.traceField.size();
  for (int lines = 0; lines < 2; ++lines) {  // the mbox line, and one behind it
    std::string_view known = std::string_view(chunk_).substr(begin);
    const std::size_t lastLine = known.rfind('\n') + 1;
    if (!complete_ && known.size() - lastLine <= kLongestLine) known = known.substr(0, lastLine);  // there may be more of it
    const auto fault = message::headerFault(known);
    if (!fault) break;
    chunk_.replace(begin + fault->at, fault->length, fault->length == 0 ? "\r\n" : "");
    if (fault->length == 0) break;
  }
  counted_ = chunk_.size();
}

void Incoming::completeFields() {
  const std::string_view content = std::string_view(chunk_).substr(settings_.traceField.size());
  const bool cutOff = !complete_ && content.find("\r\n\r\n") == std::string_view::npos;
  if (!settings_.missingFields || cutOff) return;
  const std::string fields = settings_.missingFields(content);
  chunk_.insert(settings_.traceField.size(), fields);
  counted_ = chunk_.size();
}

Outcome Incoming::refusedOutcome() const {
  return {"", {*refusal_}, detail_};
}

Task<Outcome> Incoming::finish(Deadline deadline) {
  complete_ = true;
  co_await passOn(deadline);
  if (!refusal_) completeHeader();
  const Result<void> agreed = co_await opened();
  if (!agreed) co_return refusedOutcome();
  discardable_ = false;
  const Result<ipc::CommitReply> answer =
      co_await policy_.commit({draft_, std::exchange(chunk_, {})}, Deadline::after(kCommitTime));
  if (!answer && mayBeTheirs(answer.error())) {
    Outcome late = co_await askAgain(answer.error(), Deadline::after(kOutcomeTime));
    co_return late;
  }
  if (!answer) {  // an earlier call knows better why
    failed(answer.error());
    co_return refusedOutcome();
  }
  Outcome outcome{answer->queueId, {}, ""};
  for (const ipc::SmtpReply& reply : answer->replies) outcome.replies.push_back(toReply(reply));
  if (outcome.replies.empty()) outcome.replies.push_back({451, "4.3.0", "Temporary failure"});
  co_return outcome;
}

// The spool went away while it synced. It is asked with the draft's id when it is back: it knows what its journal
// holds.
Task<Outcome> Incoming::askAgain(Error lost, Deadline deadline) {
  const Result<ipc::CommitReply> answer = co_await policy_.outcomeOf({draft_}, deadline);
  if (!answer || answer->queueId.empty()) {
    failed(answer ? lost : answer.error());
    co_return refusedOutcome();
  }
  Outcome outcome{answer->queueId, {}, ""};
  for (const ipc::SmtpReply& reply : answer->replies) outcome.replies.push_back(toReply(reply));
  if (outcome.replies.empty())
    outcome.replies.assign(recipients_, Reply{250, "2.0.0", "OK: queued as " + answer->queueId});
  co_return outcome;
}

}  // namespace ostler::smtpd
