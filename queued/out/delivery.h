// delivery.h - Delivery: one message on its way. Hosts are tried in turn until every recipient has an answer that another host would
// not change.
// Is not: what outlives one message: the sessions, who is down, the drain; see sender.h.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libmailcore/async/gate.h"
#include "libmailcore/async/pool.h"
#include "libmailcore/base/clock.h"
#include "libmailcore/ipc/sending.h"
#include "libmailcore/log/log.h"
#include "queued/out/racing.h"
#include "queued/out/rewriting.h"
#include "queued/out/session.h"
#include "queued/out/unreachable.h"

namespace ostler::out {

/// What the deliveries of one loop share. Outlives them.
struct Shared {
  Loop& loop;
  const Clock& clock;
  const log::Log& log;
  const Gate& gate;
  SessionCache& cache;
  Unreachable& unreachable;
  Pool& coldReads;  ///< for content that is not in the page cache
};

class Delivery {
 public:
  Delivery(Shared shared, std::shared_ptr<const Settings> settings, ipc::Deliver request, UniqueFd content);
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  /// Once. Cancelling it closes the session; what was sent in full may have arrived.
  [[nodiscard]] Task<ipc::DeliverOutcome> run();

 private:
  // Which way: delivery.cc.
  [[nodiscard]] Task<void> overAdopted();
  [[nodiscard]] Task<bool> byIdleSession(const std::vector<Host>& hosts);
  [[nodiscard]] Task<bool> byHost(const Host& host);
  [[nodiscard]] Task<bool> byConnection(const Host& host, const net::Endpoint& to, std::unique_ptr<net::Stream> stream, const TlsPolicy& tls);
  [[nodiscard]] Task<bool> transact(const std::string& key, std::unique_ptr<Session> session);
  [[nodiscard]] Task<Result<const smtp::Content*>> contentFor(const smtp::Capabilities& server);
  [[nodiscard]] bool heedSender(const Host& host, Approach& way);
  [[nodiscard]] bool isAdopted() const { return request_.nextHop.kind == ipc::NextHop::Kind::adopted; }
  [[nodiscard]] bool mayGoOn(const Session& session) const;
  [[nodiscard]] std::string keyOf(const Host& host) const;
  [[nodiscard]] const ipc::NextHop& hopFor(const Host& host) const;
  void giveBack(const std::string& key, std::unique_ptr<Session> session);
  void useSource();

  // What became of each recipient: delivery_outcomes.cc.
  void heed(const smtp::Outcome& outcome, Session& session, std::vector<std::size_t>& elsewhere);
  void noteUnreached(const Host& host, const Race::Loser& loser);
  void noteSaid(const std::string& remoteHost, const std::string& text);
  struct Refusal {
    smtp::Reply reply;
    std::string remoteHost;  // empty: nobody was reached
  };
  void noteRefusal(const smtp::Reply& reply, const std::string& remoteHost);
  void forgetSilenceSince(std::size_t first);
  [[nodiscard]] Refusal lastRefusal() const;
  void answerOpen(const Refusal& refusal);
  void logOutcomes() const;

  Shared shared_;
  std::shared_ptr<const Settings> settings_;
  ipc::Deliver request_;
  std::optional<ipc::NextHop> withoutLogin_;  // for its fallback hosts, where credentials are not meant for them
  UniqueFd fd_;
  smtp::Content content_;
  std::optional<smtp::Content> rewritten_;  // for servers that lack an extension
  Rewriting rewrittenFor_;
  ipc::DeliverOutcome outcome_;
  std::vector<std::size_t> open_;  // recipients without a final answer
  std::vector<bool> isAnswered_;   // a server deferred it at RCPT: its words are better than a later host's silence
  std::set<std::string> asked_;    // hosts that answered over an idle session
  bool hostAnswered_ = false;      // the last transaction, recipient by recipient
  std::vector<Refusal> refusals_;
  std::string tls_;
  std::size_t connects_ = 0;
  SteadyTime began_ = std::chrono::steady_clock::now();
};

}  // namespace ostler::out
