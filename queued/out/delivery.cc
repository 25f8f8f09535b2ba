#include "queued/out/delivery.h"

#include <algorithm>
#include <utility>

#include "queued/out/transaction.h"

namespace ostler::out {
namespace {

constexpr std::size_t kMostConnects = 5;  // RFC 5321 5.1: at least two; more addresses than this wait for the next attempt

std::string hostKey(const Host& host) { return host.name + ":" + std::to_string(host.port); }
std::string endpointKey(const net::Endpoint& at) { return at.text(); }

}  // namespace

Delivery::Delivery(Shared shared, std::shared_ptr<const Settings> settings, ipc::Deliver request, UniqueFd content)
    : shared_(shared), settings_(std::move(settings)), request_(std::move(request)), fd_(std::move(content)) {
  outcome_.recipients.resize(request_.envelope.recipients.size());
  for (std::size_t i = 0; i < outcome_.recipients.size(); ++i) open_.push_back(i);
  isAnswered_.resize(outcome_.recipients.size());
  if (request_.heloName.empty()) request_.heloName = settings_->hostName;
  useSource();
  const ipc::NextHop& hop = request_.nextHop;
  if (!hop.user.empty() && !hop.fallbacks.empty() && !hop.fallbackLogin) {
    withoutLogin_ = hop;
    withoutLogin_->user.clear();
    withoutLogin_->password.clear();
  }
  content_.prefix = std::move(request_.prefix);
  content_.fd = fd_.get();
  content_.cold = &shared_.coldReads;
  content_.offset = request_.offset;
  content_.length = request_.length;
  content_.hasEightBit = request_.hasEightBit;
  content_.binary = request_.envelope.binary;
  content_.utf8Header = request_.utf8Header;
}

Task<ipc::DeliverOutcome> Delivery::run() {
  if (isAdopted()) {
    co_await overAdopted();
    logOutcomes();
    co_return std::move(outcome_);
  }
  const Hosts found = co_await findHosts(settings_, request_.nextHop);
  if (found.hosts.empty()) {
    answerOpen({found.refusal, ""});
    logOutcomes();
    co_return std::move(outcome_);
  }
  const std::vector<Host> hosts = shared_.unreachable.reachableFirst(found.hosts, &hostKey);
  bool settled = co_await byIdleSession(hosts);
  for (std::size_t i = 0; i < hosts.size() && !settled; ++i) {
    if (!asked_.contains(hostKey(hosts[i]))) settled = co_await byHost(hosts[i]);
  }
  if (!settled) answerOpen(lastRefusal());
  logOutcomes();
  co_return std::move(outcome_);
}

// There is this one session or none: nobody else may have the mail. RFC 2645 5.2.1.
Task<void> Delivery::overAdopted() {
  std::unique_ptr<Session> session = shared_.cache.take(request_.nextHop.name);
  if (!session) {
    answerOpen({{451, "4.4.2", "The connection that was turned round is gone"}, ""});
    co_return;
  }
  const bool settled = co_await transact(request_.nextHop.name, std::move(session));
  if (!settled) answerOpen(lastRefusal());
}

// Any of the best hosts will do; its session is there already.
Task<bool> Delivery::byIdleSession(const std::vector<Host>& hosts) {
  for (const Host& host : hosts) {
    if (host.preference != hosts.front().preference) break;
    const std::string key = keyOf(host);
    std::unique_ptr<Session> session = shared_.cache.take(key);
    if (!session) continue;
    const bool settled = co_await transact(key, std::move(session));
    if (settled) co_return true;
    if (hostAnswered_) asked_.insert(hostKey(host));
  }
  co_return false;
}

Task<bool> Delivery::byHost(const Host& host) {
  Approach way = co_await approach(settings_, request_.nextHop, host);
  if (!heedSender(host, way)) co_return false;
  if (way.endpoints.empty()) noteRefusal(way.refusal, "");
  std::vector<net::Endpoint> endpoints = shared_.unreachable.reachableFirst(interleaved(way.endpoints), &endpointKey);
  std::size_t unreached = 0;
  const std::size_t before = refusals_.size();
  while (!endpoints.empty() && connects_ < kMostConnects) {
    if (endpoints.size() > kMostConnects - connects_) endpoints.resize(kMostConnects - connects_);
    Race race = co_await connectToFirst(shared_.loop, settings_, endpoints);
    for (const Race::Loser& loser : race.losers) noteUnreached(host, loser);
    unreached += race.losers.size();
    connects_ += race.losers.size() + (race.stream ? 1 : 0);
    if (!race.stream) break;
    hostAnswered_ = false;
    const net::Endpoint to = race.winner;
    const bool settled = co_await byConnection(host, to, std::move(race.stream), way.tls);
    if (settled) co_return true;
    forgetSilenceSince(before);
    if (hostAnswered_) co_return false;  // its other addresses would say the same; the next host may not: RFC 5321 5.1
    std::erase_if(endpoints, [&](const net::Endpoint& one) {
      return one == to || std::any_of(race.losers.begin(), race.losers.end(), [&](const Race::Loser& loser) { return loser.endpoint == one; });
    });
  }
  forgetSilenceSince(before);
  if (!way.endpoints.empty() && unreached == way.endpoints.size()) shared_.unreachable.note(hostKey(host));
  co_return false;
}

Task<bool> Delivery::byConnection(const Host& host, const net::Endpoint& to, std::unique_ptr<net::Stream> stream, const TlsPolicy& tls) {
  const ipc::NextHop& hop = hopFor(host);
  Opened opened = co_await openSessionOn(shared_.loop, settings_, hop, request_.heloName, host.name, to,
                                         std::move(stream), tls, Security::byPolicy);
  if (!opened.session && opened.handshakeFailed && !tls.required) {
    // Opportunistic TLS must not keep mail from arriving: RFC 7435 3.
    opened = co_await openSession(shared_.loop, settings_, hop, request_.heloName, host.name, to, tls,
                                  Security::clearText);
  }
  if (!opened.session) {
    noteSaid(opened.remoteHost.empty() ? host.name + ": " + opened.refusal.text : opened.remoteHost, opened.transcript);
    if (opened.remoteHost.empty()) shared_.unreachable.note(endpointKey(to));
    noteRefusal(opened.refusal, opened.remoteHost);
    co_return false;
  }
  shared_.unreachable.forget(endpointKey(to));
  shared_.unreachable.forget(hostKey(host));
  const bool settled = co_await transact(keyOf(host), std::move(opened.session));
  co_return settled;
}

// A session is as good as the TLS policy it was opened with; from another address, or with another name, it is not ours to use.
std::string Delivery::keyOf(const Host& host) const {
  const ipc::Handling& handling = request_.envelope.handling;
  return SessionCache::keyOf(hopFor(host), host, request_.heloName) + " " + request_.sourceV4 + " " + request_.sourceV6 +
         (handling.requireTls ? " REQUIRETLS" : handling.tlsOptional ? " optional" : "");
}

// Credentials belong to the host that they were given for: whoever keeps that one from answering must not have them told to another.
const ipc::NextHop& Delivery::hopFor(const Host& host) const {
  return host.isFallback && withoutLogin_ ? *withoutLogin_ : request_.nextHop;
}

// What the sender says about TLS, on top of what configuration and DNS say. False: not to this host. RFC 8689 4.2.1, 5.
bool Delivery::heedSender(const Host& host, Approach& way) {
  const ipc::Handling& handling = request_.envelope.handling;
  const ipc::NextHop& hop = hopFor(host);
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
Task<bool> Delivery::transact(const std::string& key, std::unique_ptr<Session> session) {
  const Result<const smtp::Content*> content = co_await contentFor(session->client.capabilities());
  if (!content) {
    // Another host of the domain may take it as it is.
    const bool isFinal = content.error().kind == Error::Kind::permanent;
    noteRefusal({isFinal ? 554 : 451, isFinal ? "5.6.3" : "4.3.0", content.error().detail, true}, session->remoteHost);
    hostAnswered_ = false;
    giveBack(key, std::move(session));
    co_return false;
  }
  std::vector<std::size_t> elsewhere;  // who is left for another host
  do {
    const smtp::Transaction transaction = transactionFor(request_, open_, shared_.clock.now());
    const smtp::Outcome outcome = co_await session->client.send(transaction, **content);
    heed(outcome, *session, elsewhere);
  } while (!open_.empty() && mayGoOn(*session));
  open_.insert(open_.end(), elsewhere.begin(), elsewhere.end());
  tls_ = session->client.tls() ? session->client.tls()->text() : "";
  giveBack(key, std::move(session));
  co_return open_.empty();
}

// The message as this server can take it.
Task<Result<const smtp::Content*>> Delivery::contentFor(const smtp::Capabilities& server) {
  const bool lmtp = request_.nextHop.kind == ipc::NextHop::Kind::lmtp;
  const Rewriting needed = neededFor(server, content_, request_.envelope.handling.priority, lmtp);
  if (!needed.isNeeded()) co_return &content_;
  if (!rewritten_ || needed != rewrittenFor_) {
    Result<smtp::Content> rewritten = co_await rewrite(shared_.loop, content_, needed);
    if (!rewritten) co_return fail(rewritten.error());
    rewritten_ = std::move(*rewritten);
    rewrittenFor_ = needed;
  }
  co_return &*rewritten_;
}

// Does the session take another message? RFC 9422: theirs is a limit as ours is.
bool Delivery::mayGoOn(const Session& session) const {
  const std::uint64_t ours = request_.messagesPerConnection != 0 ? request_.messagesPerConnection : settings_->messagesPerConnection;
  const std::uint64_t theirs = session.client.capabilities().mostMessages;
  const bool enough = (ours != 0 && session.messages >= ours) || (theirs != 0 && session.messages >= theirs);
  return session.client.usable() && (!enough || isAdopted());
}

void Delivery::giveBack(const std::string& key, std::unique_ptr<Session> session) {
  if (!session->client.usable()) return;
  if (shared_.gate.closed() || !mayGoOn(*session)) {
    shared_.cache.endSession(std::move(session));
  } else {
    shared_.cache.put(key, std::move(session));
  }
}

// A virtual server's mail leaves from addresses of its own.
void Delivery::useSource() {
  if (request_.sourceV4.empty() && request_.sourceV6.empty()) return;
  auto own = std::make_shared<Settings>(*settings_);
  if (const auto four = net::IpAddress::parse(request_.sourceV4)) own->sourceV4 = *four;
  if (const auto six = net::IpAddress::parse(request_.sourceV6)) own->sourceV6 = *six;
  settings_ = std::move(own);
}

}  // namespace ostler::out
