#include "queued/out/sender.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "libmailcore/base/ascii.h"
#include "queued/out/asker.h"
#include "queued/out/racing.h"
#include "queued/out/rewriting.h"
#include "queued/out/transaction.h"

namespace ostler::out {
namespace {

constexpr std::size_t kMostConnects = 5;           // RFC 5321 5.1: at least two; more addresses than this wait for the next attempt
constexpr std::chrono::seconds kUnreachableFor{60};
constexpr std::chrono::seconds kSweep{1};
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

// One message on its way: hosts are tried in turn until every recipient has an answer that another host would not change.
class Sender::Delivery {
 public:
  Delivery(Sender& sender, std::shared_ptr<const Settings> settings, ipc::Deliver request, UniqueFd content)
      : sender_(sender), settings_(std::move(settings)), request_(std::move(request)), fd_(std::move(content)) {
    outcome_.recipients.resize(request_.envelope.recipients.size());
    for (std::size_t i = 0; i < outcome_.recipients.size(); ++i) open_.push_back(i);
    isAnswered_.resize(outcome_.recipients.size());
    if (request_.heloName.empty()) request_.heloName = settings_->hostName;
    useSource();
    content_.prefix = std::move(request_.prefix);
    content_.fd = fd_.get();
    content_.cold = &sender_.coldReads_;
    content_.offset = request_.offset;
    content_.length = request_.length;
    content_.hasEightBit = request_.hasEightBit;
    content_.binary = request_.envelope.binary;
    content_.utf8Header = request_.utf8Header;
  }

  [[nodiscard]] Task<ipc::DeliverOutcome> run() {
    if (isAdopted()) {
      co_await overAdopted();
      logOutcomes();
      co_return std::move(outcome_);
    }
    const Hosts found = co_await findHosts(settings_, request_.nextHop);
    if (found.hosts.empty()) {
      answerOpen(found.refusal, "");
      logOutcomes();
      co_return std::move(outcome_);
    }
    const std::vector<Host> hosts = reachableFirst(found.hosts, &hostKey);
    bool settled = co_await byIdleSession(hosts);
    for (std::size_t i = 0; i < hosts.size() && !settled; ++i) {
      if (!asked_.contains(hostKey(hosts[i]))) settled = co_await byHost(hosts[i]);
    }
    if (!settled) answerOpen(lastRefusal(), lastHost_);
    logOutcomes();
    co_return std::move(outcome_);
  }

 private:
  [[nodiscard]] bool isAdopted() const { return request_.nextHop.kind == ipc::NextHop::Kind::adopted; }

  // There is this one session or none: nobody else may have the mail. RFC 2645 5.2.1.
  [[nodiscard]] Task<void> overAdopted() {
    std::unique_ptr<Session> session = sender_.cache_.take(request_.nextHop.name);
    if (!session) {
      answerOpen({451, "4.4.2", "The connection that was turned round is gone"}, "");
      co_return;
    }
    const bool settled = co_await transact(request_.nextHop.name, std::move(session));
    if (!settled) answerOpen(lastRefusal(), lastHost_);
  }

  // Any of the best hosts will do; its session is there already.
  [[nodiscard]] Task<bool> byIdleSession(const std::vector<Host>& hosts) {
    for (const Host& host : hosts) {
      if (host.preference != hosts.front().preference) break;
      const std::string key = keyOf(host);
      std::unique_ptr<Session> session = sender_.cache_.take(key);
      if (!session) continue;
      const bool settled = co_await transact(key, std::move(session));
      if (settled) co_return true;
      if (hostAnswered_) asked_.insert(hostKey(host));
    }
    co_return false;
  }

  [[nodiscard]] Task<bool> byHost(const Host& host) {
    Approach way = co_await approach(settings_, request_.nextHop, host);
    if (!heedSender(host, way)) co_return false;
    if (way.endpoints.empty()) noteRefusal(way.refusal, "");
    std::vector<net::Endpoint> endpoints = reachableFirst(interleaved(way.endpoints), &endpointKey);
    std::size_t unreached = 0;
    while (!endpoints.empty() && connects_ < kMostConnects) {
      if (endpoints.size() > kMostConnects - connects_) endpoints.resize(kMostConnects - connects_);
      Race race = co_await connectToFirst(sender_.loop_, settings_, endpoints);
      for (const Race::Loser& loser : race.losers) noteUnreached(host, loser);
      unreached += race.losers.size();
      connects_ += race.losers.size() + (race.stream ? 1 : 0);
      if (!race.stream) break;
      hostAnswered_ = false;
      const net::Endpoint to = race.winner;
      const bool settled = co_await byConnection(host, to, std::move(race.stream), way.tls);
      if (settled) co_return true;
      if (hostAnswered_) co_return false;  // its other addresses would say the same; the next host may not: RFC 5321 5.1
      std::erase_if(endpoints, [&](const net::Endpoint& one) {
        return one == to || std::any_of(race.losers.begin(), race.losers.end(), [&](const Race::Loser& loser) { return loser.endpoint == one; });
      });
    }
    if (!way.endpoints.empty() && unreached == way.endpoints.size()) noteUnreachable(hostKey(host));
    co_return false;
  }

  void noteUnreached(const Host& host, const Race::Loser& loser) {
    noteSaid(host.name + ": " + loser.error.detail, "");
    noteUnreachable(endpointKey(loser.endpoint));
    noteRefusal({451, "4.4.1", loser.error.detail}, "");
  }

  [[nodiscard]] Task<bool> byConnection(const Host& host, const net::Endpoint& to, std::unique_ptr<net::Stream> stream, const TlsPolicy& tls) {
    Opened opened = co_await openSessionOn(sender_.loop_, settings_, request_.nextHop, request_.heloName, host.name, to,
                                           std::move(stream), tls, Security::byPolicy);
    if (!opened.session && opened.handshakeFailed && !tls.required) {
      // Opportunistic TLS must not keep mail from arriving: RFC 7435 3.
      opened = co_await openSession(sender_.loop_, settings_, request_.nextHop, request_.heloName, host.name, to, tls,
                                    Security::clearText);
    }
    if (!opened.session) {
      noteSaid(opened.remoteHost.empty() ? host.name + ": " + opened.refusal.text : opened.remoteHost, opened.transcript);
      if (opened.remoteHost.empty()) noteUnreachable(endpointKey(to));
      noteRefusal(opened.refusal, opened.remoteHost);
      co_return false;
    }
    sender_.unreachable_.erase(endpointKey(to));
    sender_.unreachable_.erase(hostKey(host));
    const bool settled = co_await transact(keyOf(host), std::move(opened.session));
    co_return settled;
  }

  // A session is as good as the TLS policy it was opened with.
  [[nodiscard]] std::string keyOf(const Host& host) const {
    const ipc::Handling& handling = request_.envelope.handling;
    return sessionKey(host) +
           (handling.requireTls ? " REQUIRETLS" : handling.tlsOptional ? " optional" : "");
  }

  // What the sender says about TLS, on top of what configuration and DNS say. False: not to this host. RFC 8689 4.2.1, 5.
  [[nodiscard]] bool heedSender(const Host& host, Approach& way) {
    const ipc::Handling& handling = request_.envelope.handling;
    const ipc::NextHop& hop = request_.nextHop;
    TlsPolicy& tls = way.tls;
    // The recipient's domain may be overruled. The administrator of this host may not, nor where a password is said.
    const bool isOurPolicy = hop.tlsRequired || hop.tlsVerify != 0 || !hop.user.empty();
    if (handling.tlsOptional && !isOurPolicy) {
      tls.required = false;
      tls.verify = net::TlsVerify::none;
      if (way.endpoints.empty()) way.endpoints = std::exchange(way.withheld, {});
    }
    if (!handling.requireTls || host.name.starts_with('/')) return true;
    if (request_.nextHop.kind == ipc::NextHop::Kind::mx && !host.authenticated) {
      noteRefusal({550, "5.7.30", "nothing proves that mail for " + request_.nextHop.name + " goes to " + host.name +
                                      " (REQUIRETLS needs DNSSEC)"},
                  "");
      return false;
    }
    tls.required = true;
    if (tls.verify == net::TlsVerify::none) tls.verify = net::TlsVerify::pkix;
    return true;
  }

  // Sends to the recipients that are still open. True: nothing is left that another host might take.
  [[nodiscard]] Task<bool> transact(const std::string& key, std::unique_ptr<Session> session) {
    const Result<const smtp::Content*> content = co_await contentFor(session->client.capabilities());
    if (!content) {
      // Another host of the domain may take it as it is.
      const bool isFinal = content.error().kind == Error::Kind::permanent;
      noteRefusal({isFinal ? 554 : 451, isFinal ? "5.6.3" : "4.3.0", content.error().detail}, session->remoteHost);
      hostAnswered_ = false;
      giveBack(key, std::move(session));
      co_return false;
    }
    std::vector<std::size_t> elsewhere;  // who is left for another host
    do {
      const smtp::Transaction transaction = transactionFor(request_, open_, sender_.clock_.now());
      const smtp::Outcome outcome = co_await session->client.send(transaction, **content);
      heed(outcome, *session, elsewhere);
    } while (!open_.empty() && mayGoOn(*session));
    open_.insert(open_.end(), elsewhere.begin(), elsewhere.end());
    lastHost_ = session->remoteHost;
    tls_ = session->client.tls() ? session->client.tls()->text() : "";
    giveBack(key, std::move(session));
    co_return open_.empty();
  }

  // What became of each recipient of a transaction. Open stays who is to be named in another one over the same session.
  void heed(const smtp::Outcome& outcome, Session& session, std::vector<std::size_t>& elsewhere) {
    // RFC 8689 4.2.1: what one host cannot do, another of the domain may.
    const bool isElsewhere = (outcome.broken && !outcome.contentSent) || outcome.lacksExtension ||
                             (outcome.refusedAtOnce && outcome.recipients.front().isTransient());
    std::vector<std::size_t> more;
    for (std::size_t i = 0; i < open_.size(); ++i) {
      ipc::RecipientOutcome& to = outcome_.recipients[open_[i]];
      to = outcomeOf(outcome.recipients[i], session.remoteHost);
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
    if (!elsewhere.empty() && isElsewhere) noteRefusal(outcome.recipients.front(), session.remoteHost);
    open_ = std::move(more);
    ++session.messages;
  }

  // The message as this server can take it.
  [[nodiscard]] Task<Result<const smtp::Content*>> contentFor(const smtp::Capabilities& server) {
    const bool lmtp = request_.nextHop.kind == ipc::NextHop::Kind::lmtp;
    const Rewriting needed = neededFor(server, content_, request_.envelope.handling.priority, lmtp);
    if (!needed.isNeeded()) co_return &content_;
    if (!rewritten_ || needed != rewrittenFor_) {
      Result<smtp::Content> rewritten = co_await rewrite(sender_.loop_, content_, needed);
      if (!rewritten) co_return fail(rewritten.error());
      rewritten_ = std::move(*rewritten);
      rewrittenFor_ = needed;
    }
    co_return &*rewritten_;
  }

  // Does the session take another message? RFC 9422: theirs is a limit as ours is.
  [[nodiscard]] bool mayGoOn(const Session& session) const {
    const std::uint64_t ours = request_.messagesPerConnection != 0 ? request_.messagesPerConnection : settings_->messagesPerConnection;
    const std::uint64_t theirs = session.client.capabilities().mostMessages;
    const bool enough = (ours != 0 && session.messages >= ours) || (theirs != 0 && session.messages >= theirs);
    return session.client.usable() && (!enough || isAdopted());
  }

  void giveBack(const std::string& key, std::unique_ptr<Session> session) {
    if (!session->client.usable()) return;
    if (sender_.gate_.closed() || !mayGoOn(*session)) {
      sender_.cache_.endSession(std::move(session));
    } else {
      sender_.cache_.put(key, std::move(session));
    }
  }

  // A virtual server's mail leaves from addresses of its own.
  void useSource() {
    if (request_.sourceV4.empty() && request_.sourceV6.empty()) return;
    auto own = std::make_shared<Settings>(*settings_);
    if (const auto four = net::IpAddress::parse(request_.sourceV4)) own->sourceV4 = *four;
    if (const auto six = net::IpAddress::parse(request_.sourceV6)) own->sourceV6 = *six;
    settings_ = std::move(own);
  }
  // Sessions from another address, or with another name, are not ours to use.
  [[nodiscard]] std::string sessionKey(const Host& host) const {
    return SessionCache::keyOf(request_.nextHop, host, request_.heloName) + " " + request_.sourceV4 + " " + request_.sourceV6;
  }

  static std::string hostKey(const Host& host) { return host.name + ":" + std::to_string(host.port); }
  static std::string endpointKey(const net::Endpoint& at) { return at.text(); }
  void noteUnreachable(const std::string& key) {
    sender_.unreachable_[key] = std::chrono::steady_clock::now() + kUnreachableFor;
  }
  // What was down a moment ago is asked last, or every message would wait for it.
  template <class T>
  [[nodiscard]] std::vector<T> reachableFirst(const std::vector<T>& all, std::string (*keyOf)(const T&)) const {
    const SteadyTime now = std::chrono::steady_clock::now();
    std::vector<T> out;
    std::vector<T> late;
    for (const T& one : all) {
      const auto known = sender_.unreachable_.find(keyOf(one));
      (known == sender_.unreachable_.end() || known->second <= now ? out : late).push_back(one);
    }
    out.insert(out.end(), late.begin(), late.end());
    return out;
  }

  // What was said with the hosts of this attempt; of many, with the last ones.
  void noteSaid(const std::string& remoteHost, const std::string& text) {
    if (outcome_.transcript.size() > kMostSaid) outcome_.transcript.clear();
    outcome_.transcript += "* " + printable(remoteHost) + "\n" + text;
  }

  void noteRefusal(const smtp::Reply& reply, const std::string& remoteHost) {
    refusals_.push_back(reply);
    if (!remoteHost.empty()) lastHost_ = remoteHost;
  }
  // For good only when every host said so: while one may still take it, it is worth another try.
  [[nodiscard]] smtp::Reply lastRefusal() const {
    for (auto at = refusals_.rbegin(); at != refusals_.rend(); ++at) {
      if (at->isTransient()) return *at;
    }
    return refusals_.empty() ? smtp::Reply{451, "4.4.1", "no host could be asked"} : refusals_.back();
  }

  void answerOpen(const smtp::Reply& reply, const std::string& remoteHost) {
    for (const std::size_t i : open_) {
      if (!isAnswered_[i]) outcome_.recipients[i] = outcomeOf(reply, remoteHost);
    }
    open_.clear();
  }

  void logOutcomes() const {
    const log::Log log = sender_.log_.of(request_.virtualServer);
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

  Sender& sender_;
  std::shared_ptr<const Settings> settings_;
  ipc::Deliver request_;
  UniqueFd fd_;
  smtp::Content content_;
  std::optional<smtp::Content> rewritten_;  // for servers that lack an extension
  Rewriting rewrittenFor_;
  ipc::DeliverOutcome outcome_;
  std::vector<std::size_t> open_;  // recipients without a final answer
  std::vector<bool> isAnswered_;   // a server deferred it at RCPT: its words are better than a later host's silence
  std::set<std::string> asked_;    // hosts that answered over an idle session
  bool hostAnswered_ = false;      // the last transaction, recipient by recipient
  std::vector<smtp::Reply> refusals_;
  std::string lastHost_;
  std::string tls_;
  std::size_t connects_ = 0;
  SteadyTime began_ = std::chrono::steady_clock::now();
};

Sender::Sender(Loop& loop, const Clock& clock, std::shared_ptr<const Settings> settings, log::Log log)
    : loop_(loop),
      clock_(clock),
      settings_(std::move(settings)),
      log_(std::move(log)),
      gate_(loop),
      places_(loop, settings_->concurrency == 0 ? std::numeric_limits<std::size_t>::max() : settings_->concurrency),
      cache_(loop),
      tasks_(loop) {
  tasks_.spawn(sweepForEver());
}

Task<Result<ipc::SendingReady>> Sender::isReady() const {
  if (gate_.closed()) co_return fail(Error::Kind::temporary, "shutting down");
  co_return ipc::SendingReady{};
}

Task<Result<ipc::DeliverOutcome>> Sender::deliver(ipc::Deliver request, UniqueFd content) {
  if (!content && request.length > 0) co_return fail(Error::Kind::syntax, "Deliver without a content descriptor");
  if (gate_.closed()) co_return fail(Error::Kind::temporary, "shutting down");
  const Gate::Pass pass = gate_.enter({});
  Result<Semaphore::Permit> place = co_await places_.acquire(Deadline::never());
  if (!place) co_return fail(place.error());
  Delivery delivery(*this, settings_, std::move(request), std::move(content));
  ipc::DeliverOutcome outcome = co_await delivery.run();
  co_return outcome;
}

Task<Result<ipc::SmtpReply>> Sender::adopt(ipc::AdoptConnection request, UniqueFd connection) {
  if (gate_.closed()) co_return fail(Error::Kind::temporary, "shutting down");
  if (!connection) co_return fail(Error::Kind::syntax, "AdoptConnection without a descriptor");
  const Gate::Pass pass = gate_.enter({});
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

Task<void> Sender::sweepForEver() {
  for (;;) {
    co_await loop_.sleepUntil(Deadline::after(std::min<std::chrono::milliseconds>(kSweep, settings_->idleTimeout)));
    const SteadyTime now = std::chrono::steady_clock::now();
    cache_.sweep(now - settings_->idleTimeout);
    std::erase_if(unreachable_, [&](const auto& entry) { return entry.second <= now; });
  }
}

}  // namespace ostler::out
