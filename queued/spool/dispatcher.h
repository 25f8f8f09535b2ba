// dispatcher.h - Dispatcher: takes messages that are due, asks where their recipients' mail goes, has it delivered, and writes
// down what became of it. One recipient's way: pending → routed → (in a mailbox | at the next hop | deferred | failed).
// Is not: when (schedule/), where to (route/), nor how (deliver/, role out). RFC 5321 4.5.4.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/sending.h"
#include "queued/report/budget.h"
#include "queued/report/report.h"
#include "queued/route/route.h"
#include "queued/spool/environment.h"
#include "queued/spool/line_reasons.h"

namespace ostler::spool {

/// What became of one recipient, before it is written down.
struct Outcome {
  std::uint32_t recipient = 0;
  RecipientState state = RecipientState::pending;  ///< pending: deferred
  ipc::SmtpReply reply;
  std::string by;               ///< remote host, mailbox or folder: for the log
  bool isRemote = false;        ///< `by` was asked, and gave the reply unless it is our word
  bool isOurWord = false;       ///< nobody but us said the reply
  bool isAnswered = false;      ///< some host of its destination spoke with us, although `reply` may be another one's silence
  bool isToldAgain = false;     ///< of an earlier attempt, whose outcome was not heard
  bool countsAsAttempt = true;  ///< false: it was our side, not the recipient's, or nobody was asked
  bool isUntried = false;       ///< its host does not answer others, and was not asked: it waits its interval
  bool bySchedule = false;      ///< although our side failed it is not tried again within a minute
  /// Of an alias of several mailboxes: one that has not got it.
  struct Part {
    std::string address;
    ipc::SmtpReply reply;
  };
  std::vector<Part> missing;    ///< while others of them have it: those are not told of as failed
  bool dsnPassedOn = false;     ///< RFC 3461 4.1: the next hop tells the sender of success
  bool byPassedOn = false;      ///< RFC 2852 4.1: the next hop keeps the sender's deadline
};

/// One loop. Lives until the loop stops.
class Dispatcher {
 public:
  /// `passwords`: of smarthosts, by the file they stand in.
  Dispatcher(Environment& env, std::string outSocket);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  /// Puts everything the queue holds on the schedule, then runs it until the loop stops.
  void start();
  /// Nothing more is started; what runs goes on. For SIGTERM.
  void drain() { draining_ = true; }
  /// Role out is not there: mail for other hosts waits for it.
  [[nodiscard]] bool isOutAway() const { return outAway_; }
  /// No delivery runs, but for dialogues of a role out that is not there.
  [[nodiscard]] bool idle() const { return running_ == 0 && (sending_ == 0 || !out_.connected()); }
  /// Looks at a message soon: it is new, or an administrator changed it.
  void wake(const Id128& id);
  /// As wake(), on a later turn: for many at once.
  void wakeSoon(const Id128& id);
  /// Looks at the clock and at all that waits, at once: the configuration is another one, or what stops all delivery.
  void resume() { scheduleChanged_.set(); }
  /// All delivery goes on after it was stopped: what was due meanwhile is, again.
  void resumeAll() {
    scheduleAll();
    resume();
  }
  /// Takes a message out of the queue without a report. What is being delivered still ends.
  void remove(const Id128& id);
  /// Ends a message as if its time were over: its sender is told.
  void expire(const Id128& id);
  /// ETRN: what waits for a domain's server goes out from now on, and for the time that the route says new mail, too. `node`:
  /// "example.com", or "@example.com" for those below it as well. Nothing: mail for it is not held here. Else how many messages.
  [[nodiscard]] Task<std::optional<std::size_t>> wakeDomain(std::string node);
  /// What is laid on next hops and routes has changed: what waits in line for them stops, or goes on.
  void heedHolds();
  /// What stood aside for a domain that was held goes on.
  void letGo(const std::string& domainKey);
  /// ATRN: what waits for servers of these routes' domains goes out over a connection that they made. How many messages; 0: none
  /// waits, and the connection is not used.
  [[nodiscard]] Task<std::size_t> turnRound(std::vector<std::string> patterns, UniqueFd connection, std::string remoteHost);
  /// What waits for its next attempt is tried, whatever its schedule said.
  void tryNow(const Id128& id);
  /// Leaves its lines and is routed anew: its next hop was changed.
  void routeAgain(const Id128& id);
  /// Its sender wants it to wait still (RFC 4865), and no administrator has let it go.
  [[nodiscard]] bool isHeldBack(Message& message);
  /// What waits in line is routed anew: the configuration's routes have changed.
  void routeAllAgain();
  /// Its expiry was changed: it is looked at then, wherever it waits.
  void expiryChanged(const Id128& id);
  /// Why a pending recipient is not under way, in words: "next attempt at ...", "its next hop is frozen". `record`: the message's.
  [[nodiscard]] std::string waitReason(const Message& message, const MessageRecord& record, std::uint32_t recipient) const;
  /// The same of all that stands in line, for lists.
  [[nodiscard]] LineReasons lineReasons() const;
  /// Is role out there, does it move, and does it take mail? For who looks after the suite.
  [[nodiscard]] Task<bool> isOutAnswering(Deadline deadline);
  /// Starts what may be started: after a destination was thawed, say.
  void pump();
  void setPasswords(std::map<std::string, std::string> passwords) { passwords_ = std::move(passwords); }
  /// Where each recipient that waits for a next hop waits; null if none does.
  [[nodiscard]] const schedule::Destination* destinationOf(const Message& message, std::uint32_t recipient) const;

 private:
  static constexpr std::chrono::hours kUnreadable{1};  ///< until a message whose record cannot be read is looked at again
  using Facts = std::shared_ptr<const Fresh>;
  struct Hop {
    ipc::NextHop nextHop;
    const config::RouteRule* rule = nullptr;  ///< of `config`
    std::shared_ptr<const config::Config> config;
  };
  /// A message to many, while some of them are under way or in line: not read back for each of its transactions and outcomes.
  struct LongEnvelope {
    Facts facts;  ///< without its content
    std::set<std::uint32_t> lines;  ///< numbers of the destinations it waits for
  };

  [[nodiscard]] std::string lineReason(const schedule::Destination& destination) const;
  [[nodiscard]] bool mayLook() const;
  void endRunning();
  std::size_t look(const Id128& id);
  [[nodiscard]] Task<void> watchSchedule();
  [[nodiscard]] bool wasClockSetBack();
  [[nodiscard]] bool wasClockAhead() const;
  [[nodiscard]] Task<std::vector<Id128>> deferredFor(std::string pattern);
  [[nodiscard]] Task<std::vector<Id128>> callForward(std::vector<std::string> patterns);
  [[nodiscard]] Task<void> untilInLine(std::vector<Id128> ids);
  [[nodiscard]] Task<void> bringBack();
  bool bringBackOne(const Id128& id, WallTime latest);
  void giveUp(const Id128& id, const ipc::SmtpReply& why);
  [[nodiscard]] Result<Facts> factsOf(Message& message);
  LongEnvelope* keepEnvelope(const Message& message, const Facts& facts);
  void letGoOfEnvelope(const Message& message);
  void wakeWhenReadable(const Id128& id);
  struct Asked {
    std::uint32_t recipient = 0;
    std::string path;
  };
  [[nodiscard]] static std::vector<Asked> asked(const MessageRecord& record, std::span<const std::uint32_t> which);
  [[nodiscard]] Task<void> routeSlowly(Id128 id, Facts facts, std::vector<Asked> which);
  void dropTogether(const Id128& id);
  void deliver(const Id128& id, const Facts& facts, std::uint32_t recipient, const ipc::Resolution& resolution);
  /// A recipient whose alias leads out of our mailboxes, and perhaps into some, too.
  struct Expanding {
    std::uint32_t recipient = 0;
    route::Route route;
  };
  void expandSoon(const Id128& id, Expanding one);
  [[nodiscard]] Task<void> expandTogether(Id128 id, std::chrono::microseconds pause);
  void expand(const Id128& id, std::vector<Expanding> together);
  void deliverLocally(const Id128& id, const Facts& facts, std::uint32_t recipient, const route::Route& route);
  [[nodiscard]] Task<void> deliverReadBack(Id128 id);
  void putIntoMailboxes(const Id128& id, const Facts& facts, std::uint32_t recipient, const route::Route& route,
                        const std::shared_ptr<const std::string>& content);
  void drop(const Id128& id, const Facts& facts, std::uint32_t recipient, const route::Route& route);
  [[nodiscard]] Task<void> deliverToDrop(Id128 id, Facts facts, std::string domain);
  [[nodiscard]] Task<void> deliverToFile(Id128 id, Facts facts, std::uint32_t recipient);
  [[nodiscard]] Task<void> deliverToProgram(Id128 id, Facts facts, std::uint32_t recipient);
  [[nodiscard]] Task<void> sendToPeer(Id128 id, Facts facts, std::uint32_t recipient, route::Route route);
  void tellNobodies(const Id128& id, const std::string& alias, const ipc::Resolution& resolution, const std::string& virtualServer);
  void refuse(const Id128& id, std::uint32_t recipient, ipc::SmtpReply reply);
  void queueForHop(const Id128& id, const Facts& facts, std::uint32_t recipient, const route::Route& route);
  void standInLine(const Id128& id, const Facts& facts, schedule::Destination& destination, std::span<const std::uint32_t> which);
  [[nodiscard]] Task<void> send(schedule::Start start);
  void heedHost(const schedule::Start& start, const std::vector<Outcome>& outcomes, std::chrono::seconds longest);
  void endAttempt(const Id128& id, std::size_t place);
  [[nodiscard]] Task<void> endWhenSettled(Id128 id, std::size_t place);
  void tellUnknownAttempts();
  void tellUnknownAttempt(const Id128& id, WallTime began, std::string_view why);
  [[nodiscard]] Task<std::vector<Outcome>> dialogue(Id128 id, Facts facts, Hop hop, std::vector<std::uint32_t> which);
  void outIsAway();
  [[nodiscard]] Task<void> awaitOut();
  [[nodiscard]] bool isPoison(const Id128& id);
  void keepTranscript(const Id128& id, const ipc::DeliverOutcome& outcome);
  [[nodiscard]] bool isInLine(const Message& message, std::uint32_t line) const;
  /// In one transaction: what every server takes (RFC 5321 4.5.3.1.8). A mailing goes in several, and lets others in between.
  static constexpr std::size_t kRecipientsAtOnce = 100;
  [[nodiscard]] std::vector<std::uint32_t> takeLeg(schedule::Destination& destination, const Id128& id, std::size_t most = kRecipientsAtOnce);
  void scheduleAll();
  void deferWaiting(const std::string& key);
  [[nodiscard]] Task<void> deferPiecewise(std::string key);
  [[nodiscard]] static config::RetrySchedule scheduleOf(const config::RetrySchedule& retry, const Message& message, WallTime began);
  void turnAside(const Message& message, std::string_view forwardPath, route::Route& route) const;
  static constexpr std::string_view kAsleep = "etrn:";  ///< before the key of a destination whose mail waits for ETRN
  [[nodiscard]] static bool isForEtrn(std::string_view key);
  [[nodiscard]] static WallTime openUntil(const config::RouteRule& rule, WallTime now);
  [[nodiscard]] bool isAsleep(const config::RouteRule* rule, WallTime arrived) const;
  struct Lateness {
    bool isExpired = false;
    bool isNoticeDue = false;
  };
  [[nodiscard]] Lateness latenessOf(Message& message, const std::string& key, WallTime now);
  void endWaits();
  void letTimePass(const Message& message, const Facts& facts);
  [[nodiscard]] bool isForHeld(const Message& message, const Fresh& facts) const;
  [[nodiscard]] bool isHeldApart(std::string_view forwardPath, const std::string& hopKey) const;
  void standAside(const Id128& id, const Facts& facts, std::span<const std::uint32_t> which);
  void setHeldAside(const Id128& id, const Facts& facts, std::vector<std::uint32_t>& which, const std::string& hopKey);
  [[nodiscard]] schedule::DestinationState stateLaidOn(const std::string& key, const config::RouteRule* rule) const;
  [[nodiscard]] Task<void> sendOver(std::vector<std::string> keys, UniqueFd connection, std::string remoteHost);
  [[nodiscard]] Task<bool> sendNext(std::string key, std::string name);

  void settle(const Id128& id, std::vector<Outcome> outcomes);
  void settleOne(const Id128& id, Outcome outcome);
  [[nodiscard]] Task<void> settleTogether(Id128 id, std::chrono::microseconds pause);
  [[nodiscard]] std::size_t countTogether(std::span<const Outcome> outcomes) const;
  [[nodiscard]] Task<void> settlePiecewise(Id128 id, std::vector<Outcome> outcomes);
  void tellLateInLine(Message& message);
  void tellLate(const Id128& id, const std::vector<Outcome>& outcomes);
  [[nodiscard]] bool mayReportTo(const MessageRecord& about);
  void settleBlindly(const Id128& id, const std::vector<Outcome>& outcomes);
  [[nodiscard]] Task<void> settleWithReport(Id128 id, Facts facts, OutcomeRecord record, std::vector<report::Ending> endings);
  [[nodiscard]] Task<void> writeLargely(Id128 id, std::shared_ptr<const std::string> content, std::optional<Id128> copy);
  [[nodiscard]] Task<void> settleAsBadmail(Id128 id, Facts facts, OutcomeRecord record, std::string reason);
  [[nodiscard]] std::shared_ptr<const Fresh> copyFor(const MessageRecord& report, std::shared_ptr<const std::string> content,
                                                     const std::vector<report::Ending>& endings) const;
  void writeDown(const OutcomeRecord& record);
  void reschedule(const Id128& id);
  void ended(const Id128& id, bool large);
  [[nodiscard]] const config::RouteRule* ruleOf(const MessageRecord& record, std::uint32_t recipient, unsigned failures) const;

  Environment& env_;
  ipc::Client out_;
  ipc::Client programs_;
  std::map<std::string, std::string> passwords_;
  report::Budget budget_;
  std::map<std::string, Hop> hops_;           ///< by destination key
  std::unordered_map<Id128, LongEnvelope> longEnvelopes_;
  std::map<std::pair<Id128, std::string>, std::vector<std::uint32_t>> drops_;  ///< of one message, for one domain's folder
  std::map<Id128, std::size_t> asking_;  ///< messages of which some recipients are with the directory: so many turns
  /// A recipient whose message is being read back for its mailboxes.
  struct ToMailboxes {
    Facts facts;
    std::uint32_t recipient = 0;
    route::Route route;
  };
  std::unordered_map<Id128, std::vector<ToMailboxes>> readBacks_;
  std::unordered_map<Id128, std::vector<Outcome>> together_;  ///< of messages to many, what came lately
  std::unordered_map<Id128, std::vector<Expanding>> expanding_;  ///< of those, too
  std::unordered_map<Id128, unsigned> unreadable_;  ///< how often the content of one that goes to badmail/ could not be read
  std::unordered_map<Id128, unsigned> losses_;  ///< how often role out was lost while it had a message
  std::set<std::string> deferring_;           ///< keys of destinations for which deferPiecewise() runs
  std::map<std::string, WallTime> awake_;     ///< domains of routes with etrn.hold → until when their mail goes out
  WallTime waitsLookedAt_{};
  WallTime nextStart_ = WallTime::max();  ///< watchSchedule() looks again then
  Signal scheduleChanged_;
  bool draining_ = false;
  bool pumping_ = false;
  bool outAway_ = false;
  std::size_t running_ = 0;  ///< deliveries here
  bool waitsForRoom_ = false;  ///< what is due is looked at again when fewer run
  std::optional<std::chrono::nanoseconds> wallAhead_;  ///< of the steady clock, when it was looked at last
  std::size_t sending_ = 0;  ///< dialogues of role out
  TaskScope scope_;
};

}  // namespace ostler::spool
