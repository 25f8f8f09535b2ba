// policy_client.h - Policy over the suite's sockets: smtpd.sock of the spool, auth.sock of auth. One a worker thread.
#pragma once

#include <string>

#include "libmailcore/ipc/draft.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/ipc/message.h"
#include "libmailcore/ipc/policy.h"
#include "libmailcore/ipc/socket.h"
#include "libmailcore/ipc/watches.h"
#include "smtpd/policy.h"

namespace ostler::smtpd {

class PolicyClient final : public Policy {
 public:
  PolicyClient(Loop& loop, std::string spoolSocket, std::string authSocket);

  Task<Result<ipc::Watches>> awaitWatches(ipc::AwaitWatches request, Deadline deadline) override;
  Task<Result<ipc::SmtpReply>> checkClient(ipc::CheckClient request, Deadline deadline) override;
  Task<Result<ipc::SmtpReply>> verify(ipc::Verify request, Deadline deadline) override;
  Task<Result<ipc::SmtpReply>> etrn(ipc::EtrnRequest request, Deadline deadline) override;
  Task<Result<ipc::SmtpReply>> turnAround(ipc::TurnAround request, UniqueFd connection, Deadline deadline) override;
  Task<Result<ipc::SmtpReply>> checkSender(ipc::CheckSender request, Deadline deadline) override;
  Task<Result<ipc::RecipientReply>> checkRecipient(ipc::CheckRecipient request, Deadline deadline) override;
  Task<Result<ipc::SmtpReply>> openDraft(ipc::OpenDraft request, Deadline deadline) override;
  Task<Result<ipc::Empty>> sendData(ipc::DraftData request, Deadline deadline) override;
  Task<Result<ipc::CommitReply>> commit(ipc::CommitDraft request, Deadline deadline) override;
  Task<Result<ipc::CommitReply>> outcomeOf(ipc::DraftOutcome request, Deadline deadline) override;
  void discard(ipc::DiscardDraft notice) override;
  Task<Result<ipc::LoginReply>> startLogin(ipc::LoginStart request, Deadline deadline) override;
  Task<Result<ipc::LoginReply>> continueLogin(ipc::LoginContinue request, Deadline deadline) override;
  void cancelLogin(ipc::LoginCancel notice) override;
  std::uint64_t authGeneration() const override;

 private:
  ipc::Client spool_;
  ipc::Client auth_;
};

}  // namespace ostler::smtpd
