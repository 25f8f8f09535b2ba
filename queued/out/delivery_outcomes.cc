// delivery_outcomes.cc - Delivery: what became of each recipient, what was said, and what the log and the spool are told of it.
#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "queued/out/delivery.h"
#include "queued/out/transaction.h"

namespace ostler::out {
namespace {

constexpr std::size_t kMostSaid = 4096;  // before the last host's transcript, which has as much

using State = ipc::RecipientOutcome::State;

const char* eventOf(State state) {
  switch (state) {
    case State::delivered:
      return "sent";
    case State::deferred:
      return "deferred";
    case State::failed:
      return "failed";
  }
  return "deferred";
}

}  // namespace

// What became of each recipient of a transaction. Open stays who is to be named in another one over the same session.
void Delivery::heed(const smtp::Outcome& outcome, Session& session, std::vector<std::size_t>& elsewhere) {
  // RFC 8689 4.2.1: what one host cannot do, another of the domain may.
  const bool isElsewhere = (outcome.broken && !outcome.contentSent) || outcome.lacksExtension ||
                           (outcome.refusedAtOnce && outcome.recipients.front().isTransient());
  std::vector<std::size_t> more;
  for (std::size_t i = 0; i < open_.size(); ++i) {
    ipc::RecipientOutcome& to = outcome_.recipients[open_[i]];
    to = outcomeOf(outcome.recipients[i], session.remoteHost);
    if (outcome.tooMany[i]) to.state = State::deferred;  // 552, too: RFC 5321 4.5.3.1.10
    to.dsnPassedOn = outcome.dsnPassedOn[i] && to.state == State::delivered;
    to.byPassedOn = session.client.capabilities().deliverBy || request_.nextHop.kind == ipc::NextHop::Kind::lmtp;
    const bool heard = outcome.deferredAtRcpt[i];
    isAnswered_[open_[i]] = isAnswered_[open_[i]] || heard || outcome.tooMany[i];
    if (outcome.tooMany[i] && outcome.contentSent) {
      more.push_back(open_[i]);
    } else if (heard || (isElsewhere && (outcome.lacksExtension || to.state == State::deferred))) {
      elsewhere.push_back(open_[i]);
    }
  }
  const auto isDelivered = [](const smtp::Reply& reply) { return reply.code / 100 == 2; };
  if (!std::all_of(outcome.recipients.begin(), outcome.recipients.end(), isDelivered)) {
    noteSaid(session.remoteHost, session.client.transcript().text());
  }
  hostAnswered_ = !isElsewhere;
  outcome_.someHostAnswered = true;
  if (!elsewhere.empty() && isElsewhere) noteRefusal(outcome.recipients.front(), session.remoteHost);
  open_ = std::move(more);
  ++session.messages;
}

void Delivery::noteUnreached(const Host& host, const Race::Loser& loser) {
  noteSaid(host.name + ": " + loser.error.detail, "");
  shared_.unreachable.note(loser.endpoint.text());
  noteRefusal({451, "4.4.1", loser.error.detail}, "");
}

// What was said with the hosts of this attempt; of many, with the last ones.
void Delivery::noteSaid(const std::string& remoteHost, const std::string& text) {
  if (outcome_.transcript.size() > kMostSaid) outcome_.transcript.clear();
  outcome_.transcript += "* " + printable(remoteHost) + "\n" + text;
}

void Delivery::noteRefusal(const smtp::Reply& reply, const std::string& remoteHost) {
  refusals_.push_back({reply, remoteHost});
  outcome_.someHostAnswered = outcome_.someHostAnswered || !remoteHost.empty();
}

/// A host that answered at one of its addresses has answered.
void Delivery::forgetSilenceSince(std::size_t first) {
  const auto begin = refusals_.begin() + static_cast<std::ptrdiff_t>(first);
  const auto isSilence = [](const Refusal& refusal) { return refusal.remoteHost.empty(); };
  if (!std::all_of(begin, refusals_.end(), isSilence)) refusals_.erase(std::remove_if(begin, refusals_.end(), isSilence), refusals_.end());
}

// For good only when every host said so: while one may still take it, it is worth another try. What a host said, or what this message
// lacked there, comes before the silence of another address: it is the reason, and a host that answers need not rest.
Delivery::Refusal Delivery::lastRefusal() const {
  const Refusal* silence = nullptr;
  for (auto at = refusals_.rbegin(); at != refusals_.rend(); ++at) {
    if (!at->reply.isTransient()) continue;
    if (!at->remoteHost.empty()) return *at;
    if (silence == nullptr) silence = &*at;
  }
  if (silence != nullptr) return *silence;
  return refusals_.empty() ? Refusal{{451, "4.4.1", "no host could be asked"}, ""} : refusals_.back();
}

void Delivery::answerOpen(const Refusal& refusal) {
  for (const std::size_t i : open_) {
    if (!isAnswered_[i]) outcome_.recipients[i] = outcomeOf(refusal.reply, refusal.remoteHost);
  }
  open_.clear();
}

void Delivery::logOutcomes() const {
  const log::Log log = shared_.log.of(request_.virtualServer);
  if (!log.enabled(log::Level::info)) return;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began_);
  for (std::size_t i = 0; i < outcome_.recipients.size(); ++i) {
    const ipc::RecipientOutcome& one = outcome_.recipients[i];
    log.info(eventOf(one.state),
             {{"message", request_.queueId},
              {"to", request_.envelope.recipients[i].forwardPath},
              {"host", one.remoteHost},
              {"tls", tls_},
              {"reply", smtp::Reply{one.reply.code, one.reply.enhanced, one.reply.text}.oneLine()},
              {"ms", static_cast<std::uint64_t>(took.count())}});
  }
}

}  // namespace ostler::out
