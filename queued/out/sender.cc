#include "queued/out/sender.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "queued/out/asker.h"
#include "queued/out/delivery.h"

namespace ostler::out {
namespace {

constexpr std::chrono::seconds kSweep{1};

}  // namespace

Sender::Sender(Loop& loop, const Clock& clock, std::shared_ptr<const Settings> settings, log::Log log)
    : loop_(loop),
      clock_(clock),
      settings_(std::move(settings)),
      log_(std::move(log)),
      gate_(loop),
      places_(loop, settings_->concurrency == 0 ? std::numeric_limits<std::size_t>::max() : settings_->concurrency),
      cache_(loop),
      sweeping_(loop) {}

Task<Result<ipc::SendingReady>> Sender::isReady() const {
  if (gate_.closed()) co_return fail(Error::Kind::temporary, "shutting down");
  co_return ipc::SendingReady{};
}

Task<Result<ipc::DeliverOutcome>> Sender::deliver(ipc::Deliver request, UniqueFd content) {
  if (!content && request.length > 0) co_return fail(Error::Kind::syntax, "Deliver without a content descriptor");
  if (gate_.closed()) co_return fail(Error::Kind::temporary, "shutting down");
  const Gate::Pass pass = gate_.enter({});
  startSweeping();
  Result<Semaphore::Permit> place = co_await places_.acquire(Deadline::never());
  if (!place) co_return fail(place.error());
  Delivery delivery({loop_, clock_, log_, gate_, cache_, unreachable_, coldReads_}, settings_, std::move(request), std::move(content));
  ipc::DeliverOutcome outcome = co_await delivery.run();
  co_return outcome;
}

Task<Result<ipc::DeliverOutcome>> Sender::deliverOnce(ipc::Deliver request, UniqueFd content) {
  co_await lately_.whenFree(loop_, request);
  ipc::DeliverOutcome outcome;
  std::vector<std::size_t> left;
  std::vector<ipc::Recipient> recipients;
  for (std::size_t at = 0; at < request.envelope.recipients.size(); ++at) {
    const std::optional<ipc::RecipientOutcome> told = lately_.find(request.queueId, request.envelope.recipients[at].forwardPath);
    outcome.recipients.push_back(told.value_or(ipc::RecipientOutcome()));
    if (told) {
      outcome.recipients.back().isToldAgain = true;
      continue;
    }
    left.push_back(at);
    recipients.push_back(request.envelope.recipients[at]);
  }
  if (left.empty() && !request.envelope.recipients.empty()) co_return outcome;
  request.envelope.recipients = std::move(recipients);
  const std::string queueId = request.queueId;
  const std::vector<ipc::Recipient> asked = request.envelope.recipients;
  const DeliveredLately::UnderWay underWay(lately_, request);
  Result<ipc::DeliverOutcome> sent = co_await deliver(std::move(request), std::move(content));
  if (!sent) co_return fail(sent.error());
  outcome.transcript = std::move(sent->transcript);
  for (std::size_t at = 0; at < left.size() && at < sent->recipients.size(); ++at) {
    ipc::RecipientOutcome& one = sent->recipients[at];
    const bool isDelivered = one.state == ipc::RecipientOutcome::State::delivered;
    if (isDelivered) lately_.note(queueId, asked[at].forwardPath, one, std::chrono::steady_clock::now());
    outcome.recipients[left[at]] = std::move(one);
  }
  co_return outcome;
}

Task<Result<ipc::SmtpReply>> Sender::adopt(ipc::AdoptConnection request, UniqueFd connection) {
  if (gate_.closed()) co_return fail(Error::Kind::temporary, "shutting down");
  if (!connection) co_return fail(Error::Kind::syntax, "AdoptConnection without a descriptor");
  const Gate::Pass pass = gate_.enter({});
  startSweeping();
  smtp::ClientOptions options{std::move(request.heloName), false, settings_->timeouts};
  net::Connection stream(loop_, net::makeSocketStream(loop_, std::move(connection)));
  auto session = std::make_unique<Session>(smtp::Client(std::move(stream), std::move(options)), std::move(request.remoteHost));
  const Result<smtp::Reply> greeting = co_await session->client.greet();
  if (!greeting) co_return ipc::SmtpReply{451, "4.4.2", "no greeting: " + greeting.error().detail};
  if (greeting->code / 100 != 2) co_return ipc::SmtpReply{451, "4.4.2", greeting->oneLine()};
  cache_.put(request.name, std::move(session));
  co_return ipc::SmtpReply{250, "2.0.0", "OK"};
}

void Sender::endAdopted(const std::string& name) {
  if (std::unique_ptr<Session> session = cache_.take(name)) cache_.endSession(std::move(session));
}

Task<Result<ipc::AskedRecipient>> Sender::ask(ipc::AskRecipient request) {
  if (gate_.closed()) co_return fail(Error::Kind::temporary, "shutting down");
  const Gate::Pass pass = gate_.enter({});
  ipc::AskedRecipient answer = co_await askRecipient(loop_, settings_, std::move(request));
  co_return answer;
}

Task<Result<void>> Sender::drain(Deadline deadline) {
  gate_.close();
  const Result<void> empty = co_await gate_.whenEmpty(deadline);
  cache_.sweep(SteadyTime::max());
  co_return empty;
}

void Sender::startSweeping() {
  if (sweeping_.running() == 0) sweeping_.spawn(sweepWhileNeeded());
}

// While something is under way, or has left something that grows old. Then nothing wakes an idle process.
Task<void> Sender::sweepWhileNeeded() {
  while (gate_.inside() > 0 || cache_.size() > 0 || !unreachable_.isEmpty()) {
    co_await loop_.sleepUntil(Deadline::after(std::min<std::chrono::milliseconds>(kSweep, settings_->idleTimeout)));
    const SteadyTime now = std::chrono::steady_clock::now();
    cache_.sweep(now - settings_->idleTimeout);
    unreachable_.sweep(now);
  }
}

}  // namespace ostler::out
