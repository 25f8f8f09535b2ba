// policy.h - everything smtpd asks others: may this sender, this recipient, this login; and who takes the content.
// Is not: how it is asked (policy_client.h). The tests' fake is the second implementation.
#pragma once

#include "libmailcore/async/task.h"
#include "libmailcore/base/clock.h"
#include "libmailcore/base/result.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/ipc/draft.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/ipc/message.h"
#include "libmailcore/ipc/policy.h"
#include "libmailcore/ipc/watches.h"

namespace ostler::smtpd {

/// Enough for a spool that is being restarted; then the client is told to come back.
inline constexpr std::chrono::seconds kPolicyTime{15};

/// On one loop. Each call waits for the other process up to the deadline, also while it is away.
/// Errors of all: timeout, closed (asked, and the answer was lost), and what the other process answered.
class Policy {
 public:
  virtual ~Policy() = default;

  // the spool
  /// Answers when there is another list than that of the version asked about; the deadline is no fault.
  [[nodiscard]] virtual Task<Result<ipc::Watches>> awaitWatches(ipc::AwaitWatches request, Deadline deadline) = 0;
  [[nodiscard]] virtual Task<Result<ipc::SmtpReply>> checkClient(ipc::CheckClient request, Deadline deadline) = 0;
  [[nodiscard]] virtual Task<Result<ipc::SmtpReply>> verify(ipc::Verify request, Deadline deadline) = 0;
  [[nodiscard]] virtual Task<Result<ipc::SmtpReply>> etrn(ipc::EtrnRequest request, Deadline deadline) = 0;
  /// `connection`: our end's peer; the spool's from now on, whatever it answers.
  [[nodiscard]] virtual Task<Result<ipc::SmtpReply>> turnAround(ipc::TurnAround request, UniqueFd connection, Deadline deadline) = 0;
  [[nodiscard]] virtual Task<Result<ipc::SmtpReply>> checkSender(ipc::CheckSender request, Deadline deadline) = 0;
  [[nodiscard]] virtual Task<Result<ipc::RecipientReply>> checkRecipient(ipc::CheckRecipient request, Deadline deadline) = 0;
  [[nodiscard]] virtual Task<Result<ipc::SmtpReply>> openDraft(ipc::OpenDraft request, Deadline deadline) = 0;
  [[nodiscard]] virtual Task<Result<ipc::Empty>> sendData(ipc::DraftData request, Deadline deadline) = 0;
  /// closed, timeout and outcomeUnknown mean that the message may be the spool's: ask outcomeOf().
  [[nodiscard]] virtual Task<Result<ipc::CommitReply>> commit(ipc::CommitDraft request, Deadline deadline) = 0;
  [[nodiscard]] virtual Task<Result<ipc::CommitReply>> outcomeOf(ipc::DraftOutcome request, Deadline deadline) = 0;
  virtual void discard(ipc::DiscardDraft notice) = 0;

  // auth
  [[nodiscard]] virtual Task<Result<ipc::LoginReply>> startLogin(ipc::LoginStart request, Deadline deadline) = 0;
  [[nodiscard]] virtual Task<Result<ipc::LoginReply>> continueLogin(ipc::LoginContinue request, Deadline deadline) = 0;
  virtual void cancelLogin(ipc::LoginCancel notice) = 0;
  /// A token is worth nothing once this has changed: auth was restarted.
  [[nodiscard]] virtual std::uint64_t authGeneration() const = 0;
};

}  // namespace ostler::smtpd
