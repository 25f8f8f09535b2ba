// questions.h - Questions: answers CheckSender and CheckRecipient by asking the directory and policy/.
#pragma once

#include <memory>
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
  /// Whose session it is; null: did not authenticate. Errors: temporary (the directory is away), denied (a token nobody gave).
  [[nodiscard]] Task<Result<std::shared_ptr<const ipc::Identity>>> identityOf(std::string token);

 private:
  [[nodiscard]] Task<Result<ipc::SmtpReply>> answerSender(ipc::CheckSender request);
  [[nodiscard]] Task<Result<ipc::SmtpReply>> answerRecipient(ipc::CheckRecipient request);
  [[nodiscard]] Task<ipc::SmtpReply> roomIn(ipc::Account account);
  Environment& env_;
};

}  // namespace ostler::spool
