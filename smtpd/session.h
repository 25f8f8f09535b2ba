// session.h - one client's dialogue, from greeting to goodbye. RFC 5321, RFC 6409 (submission), RFC 2033 (LMTP).
// Is not: the table of commands (commands.h), policy (policy.h), or content (incoming.h).
// Handlers stand by group: session_hello.cc (HELO, EHLO, LHLO, STARTTLS), session_mail.cc, session_data.cc, session_auth.cc,
// session_query.cc (VRFY, EXPN, ETRN, HELP), session_trusted.cc (XCLIENT, XFORWARD), session_turn.cc (ATRN); all else in session.cc.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/async/gate.h"
#include "libmailcore/config/config.h"
#include "libmailcore/daemon/service.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/ipc/session_info.h"
#include "libmailcore/log/session_lines.h"
#include "libmailcore/net/connection.h"
#include "libmailcore/receiving/checks.h"
#include "libmailcore/smtp/command.h"
#include "libmailcore/smtp/line_ends.h"
#include "libmailcore/smtp/reply.h"
#include "smtpd/budget.h"
#include "smtpd/extensions.h"
#include "smtpd/incoming.h"
#include "smtpd/pace.h"
#include "smtpd/policy.h"
#include "smtpd/tidier.h"
#include "smtpd/transcript.h"

namespace ostler::smtpd {

struct Command;

/// What all sessions of a worker share. Outlives them.
struct Surroundings {
  Loop& loop;
  Gate& gate;
  Policy& policy;
  Budget& budget;
  Tidier& tidier;
  receiving::Rates& rates;
  const Watched& watched;
  const Clock& clock;
  log::Log log;
  std::chrono::milliseconds handshakeTime = std::chrono::minutes(1);  ///< behind STARTTLS
  std::chrono::milliseconds silence = std::chrono::seconds(2);        ///< of a client that was left: then it has heard why
  std::chrono::milliseconds carryTime = std::chrono::minutes(11);     ///< of a turned connection: a little more than role out waits for the reply to its content, RFC 5321 4.5.3.2.6
};

/// On one loop.
class Session {
 public:
  Session(const Surroundings& around, daemon::Arrival arrival);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// From the greeting to the end. Never throws.
  [[nodiscard]] Task<void> run();

  /// Where the dialogue stands. A set of these says where a command is legal.
  enum State : unsigned {
    connected = 1,  ///< greeted by us; the client has not said who it is
    greeted = 2,    ///< EHLO, HELO or LHLO was accepted
    mailOpen = 4,   ///< MAIL was accepted, no recipient yet
    rcptOpen = 8,   ///< at least one recipient was accepted
    bdatOpen = 16,  ///< a BDAT was accepted and LAST has not come
  };

 private:
  friend struct Commands;
  using Reply = smtp::Reply;

  // session.cc. The frame of a coroutine that is inlined is part of its caller's: what an idle session does not need stands apart.
  [[nodiscard]] Task<void> converse();
  [[nodiscard, gnu::noinline]] Task<void> greet();
  [[nodiscard]] Task<std::optional<Reply>> clientRefusal();
  [[nodiscard]] Task<std::optional<Reply>> talksEarly();
  [[nodiscard, gnu::noinline]] Task<void> dispatch(std::string_view line);
  [[nodiscard]] std::optional<Reply> objection(receiving::Stage stage, const receiving::Content& content = {});
  [[nodiscard]] receiving::Visit visit(const receiving::Content& content = {}) const;
  [[nodiscard]] bool mayAsk(config::Askers who) const;
  [[nodiscard]] Task<Reply> answer(std::string_view line);
  [[nodiscard]] std::optional<Reply> impatience(const Command& command);
  [[nodiscard]] std::optional<Reply> refusal(const Command& command) const;
  [[nodiscard]] Task<Reply> rset(std::string_view argument);
  [[nodiscard]] Task<Reply> noop(std::string_view argument);
  [[nodiscard]] Task<Reply> quit(std::string_view argument);
  [[nodiscard]] bool listedAsTrusted(std::string_view verb) const;
  [[nodiscard]] Task<void> say(Reply reply);
  void end(std::string_view reason) { endReason_ = endReason_.empty() ? reason : endReason_; }
  void leave(std::string_view reason);
  [[nodiscard, gnu::noinline]] Task<void> sayGoodbye();
  [[nodiscard]] Task<void> hearOut();
  [[nodiscard]] Reply lost(const Error& error);
  [[nodiscard]] Reply unavailable(const char* asked, const Error& error) const;
  [[nodiscard]] bool ended() const { return !endReason_.empty(); }
  void chooseTranscript();
  void writeDown(std::string_view who, std::string_view line) const;
  void logEnd() const;
  [[nodiscard]] log::SessionFacts facts(const std::string& user) const;

  // session_hello.cc
  [[nodiscard]] Reply hello(std::string_view argument, std::string_view protocol);
  [[nodiscard]] Task<Reply> helo(std::string_view argument);
  [[nodiscard]] Task<Reply> ehlo(std::string_view argument);
  [[nodiscard]] Task<Reply> lhlo(std::string_view argument);
  [[nodiscard]] Task<Reply> startTls(std::string_view argument);
  void forgetWhatWasHeard();
  [[nodiscard]] OfferTo offerTo() const;

  // session_query.cc
  [[nodiscard]] Task<Reply> vrfy(std::string_view argument);
  [[nodiscard]] Task<Reply> expn(std::string_view argument);
  [[nodiscard]] Task<Reply> etrn(std::string_view argument);
  [[nodiscard]] Task<Reply> help(std::string_view argument);

  // session_turn.cc
  [[nodiscard]] Task<Reply> atrn(std::string_view argument);

  // session_trusted.cc
  [[nodiscard]] Task<Reply> xclient(std::string_view argument);
  [[nodiscard]] Task<Reply> xforward(std::string_view argument);

  // session_mail.cc
  [[nodiscard]] Task<Reply> mail(std::string_view argument);
  [[nodiscard]] Task<Reply> rcpt(std::string_view argument);
  [[nodiscard]] std::optional<Reply> refusal(const smtp::MailCommand& command, WallTime now) const;
  [[nodiscard]] ipc::Handling handlingOf(const smtp::MailParameters& parameters, WallTime now) const;
  [[nodiscard]] std::string domainForBare() const;
  [[nodiscard]] bool mayGrow(const smtp::RcptCommand& command);
  void beginNewTransaction();

  // session_data.cc
  [[nodiscard]] Task<Reply> data(std::string_view argument);
  [[nodiscard]] Task<Reply> bdat(std::string_view argument);
  [[nodiscard]] Task<Result<std::string_view>> readContent(std::size_t most);
  [[nodiscard]] Task<Result<void>> receiveUntilDot(Incoming& incoming);
  [[nodiscard]] Task<Result<void>> receiveChunk(Incoming& incoming, std::uint64_t octets);
  [[nodiscard]] Task<Reply> skipChunk(std::string_view argument);
  [[nodiscard]] bool mayGoOn(std::uint64_t octets);
  [[nodiscard]] Reply chunkWithoutSize();
  [[nodiscard]] Task<Reply> finishMessage(Incoming& incoming);
  [[nodiscard]] std::unique_ptr<Incoming> openMessage();
  [[nodiscard]] std::string traceField(const Id128& draft) const;
  void logAccepted(const std::string& queueId, std::uint64_t size) const;

  // session_auth.cc
  [[nodiscard]] Task<Reply> auth(std::string_view argument);
  [[nodiscard]] Task<Result<ipc::LoginReply>> login(ipc::LoginStart start);
  [[nodiscard]] Task<Result<ipc::LoginReply>> proceed(std::uint64_t conversation, std::string response);
  [[nodiscard]] Task<Result<std::string>> respond(const ipc::LoginReply& step);
  [[nodiscard]] Reply failedExchange(const Error& error);
  [[nodiscard]] Reply loggedIn(const ipc::LoginReply& step);
  [[nodiscard]] Reply loginFailed(std::string_view reason, Reply reply) const;
  void tellFailedLogin(std::string_view reason) const;
  [[nodiscard]] std::vector<std::string> mechanismsOffered() const;
  [[nodiscard]] bool passwordsAllowed() const;

  [[nodiscard]] bool isLmtp() const { return kind_ == config::SmtpKind::lmtp; }
  [[nodiscard]] bool isAuthenticated() const { return !info_.token.empty(); }
  [[nodiscard]] bool tlsOffered() const;
  [[nodiscard]] const config::SmtpLimits& limits() const { return server_.limits; }
  [[nodiscard]] Deadline idle() const { return Deadline::after(limits().idle); }
  [[nodiscard]] const std::string& hostName() const;

  const Surroundings& around_;
  const std::shared_ptr<const daemon::Snapshot> snapshot_;
  const std::shared_ptr<const daemon::ListenerPlan> plan_;
  const config::VirtualServer& server_;
  const config::SmtpKind kind_;
  const bool overUnix_;  // then the client has no address
  net::IpAddress clientAddress_;      // what XCLIENT says, once it was said
  const net::IpAddress peerAddress_;  // who is connected, behind a PROXY header
  bool leaves_ = false;               // in the middle of what the client sends, perhaps
  const SteadyTime since_ = std::chrono::steady_clock::now();
  net::Connection connection_;

  State state_ = connected;
  bool extended_ = false;  // EHLO or LHLO, not HELO
  bool talkedEarly_ = false;
  bool sentAhead_ = false;
  bool isWrittenDown_ = false;
  bool envelopeHasPostmaster_ = false;
  std::uint32_t newRecipients_ = 0;  // of the envelope, to the user
  std::string endReason_;
  ipc::SessionInfo info_;
  ipc::Account account_;  // after AUTH
  std::string mechanism_;  // of the last AUTH
  std::string attempted_;  // whom it was for, as far as auth says
  std::uint64_t authGeneration_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t unknownRecipients_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t sessionOctets_ = 0;
  std::string forwardedFor_;  // XFORWARD: for the log
  std::uint64_t commandsSinceMessage_ = 0;

  // One mail transaction. RFC 5321 3.3.
  ipc::Envelope envelope_;
  std::size_t envelopeOctets_ = 0;
  Budget::Share envelopeShare_{around_.budget};
  std::unique_ptr<const Reply> keptBack_;  // what every recipient but postmaster will hear
  std::uint64_t declaredSize_ = 0;
  std::uint64_t readOver_ = 0;  // of content that is refused, since MAIL was accepted last
  std::unique_ptr<Incoming> chunks_;  // BDAT's, until LAST
  smtp::LineEnds chunkEnds_;
  Pace pace_{std::chrono::seconds(0)};  // of the content that comes
  Deadline lastCall_ = Deadline::never();  // a drain has begun: content may come until then
};

}  // namespace ostler::smtpd
