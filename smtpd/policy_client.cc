#include "smtpd/policy_client.h"

namespace ostler::smtpd {

PolicyClient::PolicyClient(Loop& loop, std::string spoolSocket, std::string authSocket)
    : spool_(loop, std::move(spoolSocket)), auth_(loop, std::move(authSocket)) {}

Task<Result<ipc::Watches>> PolicyClient::awaitWatches(ipc::AwaitWatches request, Deadline deadline) {
  return spool_.call(request, deadline);
}
Task<Result<ipc::SmtpReply>> PolicyClient::checkClient(ipc::CheckClient request, Deadline deadline) {
  return spool_.call(std::move(request), deadline);
}
Task<Result<ipc::SmtpReply>> PolicyClient::verify(ipc::Verify request, Deadline deadline) {
  return spool_.call(std::move(request), deadline);
}
Task<Result<ipc::SmtpReply>> PolicyClient::etrn(ipc::EtrnRequest request, Deadline deadline) {
  return spool_.call(std::move(request), deadline);
}
Task<Result<ipc::SmtpReply>> PolicyClient::turnAround(ipc::TurnAround request, UniqueFd connection, Deadline deadline) {
  std::vector<UniqueFd> descriptors;
  descriptors.push_back(std::move(connection));
  auto answer = co_await spool_.callWithDescriptors(std::move(request), std::move(descriptors), deadline);
  if (!answer) co_return fail(answer.error());
  co_return std::move(answer->message);
}
Task<Result<ipc::SmtpReply>> PolicyClient::checkSender(ipc::CheckSender request, Deadline deadline) {
  return spool_.call(std::move(request), deadline);
}
Task<Result<ipc::RecipientReply>> PolicyClient::checkRecipient(ipc::CheckRecipient request, Deadline deadline) {
  return spool_.call(std::move(request), deadline);
}
Task<Result<ipc::SmtpReply>> PolicyClient::openDraft(ipc::OpenDraft request, Deadline deadline) {
  return spool_.call(std::move(request), deadline);
}
Task<Result<ipc::Empty>> PolicyClient::sendData(ipc::DraftData request, Deadline deadline) {
  return spool_.call(std::move(request), deadline);
}
Task<Result<ipc::CommitReply>> PolicyClient::commit(ipc::CommitDraft request, Deadline deadline) {
  return spool_.call(std::move(request), deadline);
}
Task<Result<ipc::CommitReply>> PolicyClient::outcomeOf(ipc::DraftOutcome request, Deadline deadline) {
  return spool_.call(request, deadline);
}
void PolicyClient::discard(ipc::DiscardDraft notice) {
  spool_.notify(notice);
}

Task<Result<ipc::LoginReply>> PolicyClient::startLogin(ipc::LoginStart request, Deadline deadline) {
  return auth_.call(std::move(request), deadline);
}
Task<Result<ipc::LoginReply>> PolicyClient::continueLogin(ipc::LoginContinue request, Deadline deadline) {
  return auth_.call(std::move(request), deadline);
}
void PolicyClient::cancelLogin(ipc::LoginCancel notice) {
  auth_.notify(notice);
}
std::uint64_t PolicyClient::authGeneration() const {
  return auth_.generation();
}

}  // namespace ostler::smtpd
