// questions.h - Questions: answers what smtpd asks before it says yes, CheckClient to CheckRecipient, by running the lists of
// policy/checks.h; it looks up for each check what that needs. VRFY, EXPN, ETRN and ATRN are in asks.cc.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/ipc/policy.h"
#include "libmailcore/ipc/session_info.h"
#include "libmailcore/ipc/socket.h"
#include "queued/policy/checks.h"
#include "queued/policy/policy.h"
#include "queued/spool/dns_client.h"
#include "queued/spool/environment.h"

namespace ostler::spool {

/// The virtual server of the session's listener; a program of this machine came by none, and has the first. Null: it is gone.
[[nodiscard]] const config::VirtualServer* serverOf(const config::Config& config, const ipc::SessionInfo& session);

/// Which checks of a list are run.
enum class Thorough {
  all,
  again,  ///< those that protect others: smtpd's word is checked a second time when a draft is opened
};

/// One loop. Every answer is a reply of SMTP: an error inside is "451 4.3.0 try later".
class Questions {
 public:
  /// `hasRoom`: does the queue take so many octets more?
  Questions(Environment& env, const std::string& outSocket, std::function<bool(std::uint64_t)> hasRoom)
      : env_(env), dns_(env.loop, outSocket), hasRoom_(std::move(hasRoom)) {}
  /// Registers what it answers.
  void serve(ipc::Server& server);

  [[nodiscard]] Task<ipc::SmtpReply> client(ipc::SessionInfo session);
  [[nodiscard]] Task<ipc::SmtpReply> sender(ipc::SessionInfo session, std::string reversePath, std::uint64_t declaredSize,
                                            Thorough thorough = Thorough::all);
  [[nodiscard]] Task<ipc::RecipientReply> recipient(ipc::CheckRecipient request);
  /// The whole envelope, before its content is asked for: what smtpd says was checked is checked once more, and then the list of
  /// stage data. 250, and it has been counted as sent.
  struct Opened {
    ipc::SmtpReply reply{250, "2.0.0", "OK"};
    std::string user;       ///< who sends; empty: did not authenticate
    policy::Amount counted;  ///< to be taken back when it does not become mail
    std::uint64_t room = policy::kNoLimit;  ///< so many octets fit for certain into the mailbox of one of the recipients
  };
  [[nodiscard]] Task<Opened> data(ipc::SessionInfo session, ipc::Envelope envelope, std::uint64_t declaredSize);
  struct Content {
    std::string_view head;  ///< the first octets, the header at least; the caller's until the answer
    std::uint64_t octets = 0;  ///< as a mailbox would keep it
    std::uint64_t room = policy::kNoLimit;  ///< as data() said. While it suffices no mailbox is looked at again
  };
  /// All of it is here. 250: it may become ours.
  [[nodiscard]] Task<ipc::SmtpReply> endOfData(ipc::SessionInfo session, const ipc::Envelope& envelope, Content content);

  /// Every check of a stage with what it says, for `ostler explain`. Nothing is counted, nobody frozen.
  struct Examined {
    const policy::Check* check;
    std::optional<ipc::SmtpReply> reply;
  };
  [[nodiscard]] Task<std::vector<Examined>> examine(policy::Stage stage, policy::Facts& facts);
  /// VRFY and EXPN: who may ask hears it; for everybody else 252, which says nothing. Peers of a domain may ask about it: RFC 5321 3.5.
  [[nodiscard]] Task<ipc::SmtpReply> verify(ipc::Verify request);
  /// Starts the mail that waits for a domain, where the route lets this client ask. RFC 1985.
  [[nodiscard]] Task<ipc::SmtpReply> etrn(ipc::EtrnRequest request);
  /// How mail for a domain is started: its argument is ETRN's, its answer how many messages, or nothing when none is held for it.
  using WakeDomain = std::function<Task<std::optional<std::size_t>>(std::string)>;
  void onEtrn(WakeDomain wakeDomain) { wakeDomain_ = std::move(wakeDomain); }
  /// ATRN: the mail that waits for these domains of the user goes out over a connection that was turned round. RFC 2645.
  [[nodiscard]] Task<ipc::SmtpReply> turn(ipc::TurnAround request, UniqueFd connection);
  /// `patterns`: domains of routes. How many messages go; 0: none waits, and the connection is not used.
  using TurnRound = std::function<Task<std::size_t>(std::vector<std::string> patterns, UniqueFd connection, std::string remoteHost)>;
  void onAtrn(TurnRound turnRound) { turnRound_ = std::move(turnRound); }
  /// Whose session it is; null: did not authenticate. Errors: temporary (the directory is away), denied (a token nobody gave).
  [[nodiscard]] Task<Result<std::shared_ptr<const ipc::Identity>>> identityOf(std::string token);

 private:
  struct Judged {
    ipc::SmtpReply reply;
    bool forPostmaster = false;
    bool isNew = false;  ///< to the user, and counted as such
    std::uint64_t room = policy::kNoLimit;  ///< as far as somebody asked
  };
  [[nodiscard]] Task<Judged> judge(ipc::CheckRecipient request, Thorough thorough);
  [[nodiscard]] Task<std::optional<ipc::SmtpReply>> objection(policy::Stage stage, policy::Facts& facts, Thorough thorough);
  enum class Looking { toDecide, toExplain };
  [[nodiscard]] Task<void> lookUp(unsigned needs, policy::Facts& facts, Looking why = Looking::toDecide);
  [[nodiscard]] ipc::SmtpReply goneReply(const ipc::SessionInfo& session) const;
  [[nodiscard]] Task<policy::Fill> fillOf(ipc::Account account);
  [[nodiscard]] Task<policy::Fill> roomiest(std::vector<route::LocalTarget> mailboxes, std::uint64_t octets);
  [[nodiscard]] Task<bool> fitsSomewhere(std::vector<std::string> recipients, std::uint64_t octets);
  [[nodiscard]] Task<std::optional<ipc::SmtpReply>> refusalBehind(const policy::Facts& facts);
  [[nodiscard]] Task<Result<ipc::SmtpReply>> answerVerify(ipc::Verify request);
  [[nodiscard]] Task<Result<ipc::SmtpReply>> answerEtrn(ipc::EtrnRequest request);
  [[nodiscard]] Task<Result<ipc::SmtpReply>> answerTurn(ipc::TurnAround request, std::vector<UniqueFd> descriptors);
  void serveAsks(ipc::Server& server);
  Environment& env_;
  DnsClient dns_;
  std::function<bool(std::uint64_t)> hasRoom_;
  WakeDomain wakeDomain_;
  TurnRound turnRound_;
};

}  // namespace ostler::spool
