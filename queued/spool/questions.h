// questions.h - Questions: answers what smtpd asks, CheckSender to ETRN, by asking the directory and policy/. VRFY, EXPN and ETRN are
// in asks.cc.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "libmailcore/ipc/socket.h"
#include "queued/policy/policy.h"
#include "queued/spool/environment.h"

namespace ostler::spool {

/// One loop. Every answer is a reply of SMTP: an error inside is "451 4.3.0 try later".
class Questions {
 public:
  explicit Questions(Environment& env) : env_(env) {}
  /// Registers what it answers.
  void serve(ipc::Server& server);

  [[nodiscard]] Task<ipc::SmtpReply> sender(ipc::SessionInfo session, std::string reversePath, std::uint64_t declaredSize);
  [[nodiscard]] Task<ipc::SmtpReply> recipient(ipc::SessionInfo session, std::string forwardPath);
  /// VRFY and EXPN: who may ask hears it; for everybody else 252, which says nothing. Peers of a domain may ask about it: RFC 5321 3.5.
  [[nodiscard]] Task<ipc::SmtpReply> verify(ipc::Verify request);
  /// Starts the mail that waits for a domain, where the route lets this client ask. RFC 1985.
  [[nodiscard]] Task<ipc::SmtpReply> etrn(ipc::EtrnRequest request);
  /// How mail for a domain is started: its argument is ETRN's, its answer how many messages, or nothing when none is held for it.
  using WakeDomain = std::function<std::optional<std::size_t>(std::string_view)>;
  void onEtrn(WakeDomain wakeDomain) { wakeDomain_ = std::move(wakeDomain); }
  /// Whose session it is; null: did not authenticate. Errors: temporary (the directory is away), denied (a token nobody gave).
  [[nodiscard]] Task<Result<std::shared_ptr<const ipc::Identity>>> identityOf(std::string token);

 private:
  [[nodiscard]] Task<Result<ipc::SmtpReply>> answerSender(ipc::CheckSender request);
  [[nodiscard]] Task<Result<ipc::SmtpReply>> answerRecipient(ipc::CheckRecipient request);
  [[nodiscard]] Task<ipc::SmtpReply> roomIn(ipc::Account account);
  [[nodiscard]] Task<Result<ipc::SmtpReply>> answerVerify(ipc::Verify request);
  [[nodiscard]] Task<Result<ipc::SmtpReply>> answerEtrn(ipc::EtrnRequest request);
  void serveAsks(ipc::Server& server);
  Environment& env_;
  WakeDomain wakeDomain_;
};

}  // namespace ostler::spool
