#include "queued/spool/questions.h"

namespace ostler::spool {

namespace {

const ipc::SmtpReply& awayReply() {
  static const ipc::SmtpReply kAway{451, "4.3.0", "The directory of users does not answer. Try again later"};
  return kAway;
}

policy::Client clientOf(const ipc::SessionInfo& session, const std::shared_ptr<const ipc::Identity>& identity) {
  return {session.service, session.client, identity.get()};
}

}  // namespace

void Questions::serve(ipc::Server& server) {
  using Connection = std::shared_ptr<ipc::ServerConnection>;
  using Descriptors = std::vector<UniqueFd>;
  server.on<ipc::CheckSender>([this](const Connection&, ipc::CheckSender request, const Descriptors&) {
    return answerSender(std::move(request));
  });
  server.on<ipc::CheckRecipient>([this](const Connection&, ipc::CheckRecipient request, const Descriptors&) {
    return answerRecipient(std::move(request));
  });
  serveAsks(server);
}

Task<Result<ipc::SmtpReply>> Questions::answerSender(ipc::CheckSender request) {
  ipc::SmtpReply reply = co_await sender(std::move(request.session), std::move(request.reversePath), request.declaredSize);
  co_return reply;
}

Task<Result<ipc::SmtpReply>> Questions::answerRecipient(ipc::CheckRecipient request) {
  ipc::SmtpReply reply = co_await recipient(std::move(request.session), std::move(request.forwardPath));
  co_return reply;
}

Task<Result<std::shared_ptr<const ipc::Identity>>> Questions::identityOf(std::string token) {
  using Identity = std::shared_ptr<const ipc::Identity>;
  if (token.empty()) co_return Identity();
  Result<Identity> identity = co_await env_.directory.whoIs(std::move(token));
  if (identity && !(*identity)->known) co_return fail(Error::Kind::denied, "the session's login is not known any more");
  co_return identity;
}

Task<ipc::SmtpReply> Questions::sender(ipc::SessionInfo session, std::string reversePath, std::uint64_t declaredSize) {
  const auto identity = co_await identityOf(session.token);
  if (!identity && identity.error().kind == Error::Kind::denied) {
    co_return ipc::SmtpReply{530, "5.7.0", "Your login has ended: log in again"};
  }
  if (!identity) co_return awayReply();
  const config::VirtualServer& server = policy::serverOf(*env_.config, session.virtualServer);
  co_return policy::senderVerdict(server, clientOf(session, *identity), reversePath, declaredSize,
                                  env_.config->directory.tagSeparator);
}

Task<ipc::SmtpReply> Questions::roomIn(ipc::Account account) {
  const Result<store::Quota> quota = co_await env_.mailboxes.quota(std::move(account));
  if (!quota) co_return ipc::SmtpReply{250, "2.1.5", "Recipient ok"};  // it waits in the queue
  co_return policy::roomVerdict({quota->usedOctets, quota->usedMessages, quota->limitOctets, quota->limitMessages});
}

Task<ipc::SmtpReply> Questions::recipient(ipc::SessionInfo session, std::string forwardPath) {
  const auto identity = co_await identityOf(session.token);
  if (!identity) co_return awayReply();
  const auto resolution = co_await env_.directory.resolve(forwardPath);
  if (!resolution) co_return awayReply();
  const bool isStranger = *identity == nullptr && session.service == "smtp";
  const std::string client = isStranger ? session.client : std::string();
  const route::Route route = route::route(*env_.config, {.forwardPath = forwardPath, .client = client}, **resolution);
  const config::VirtualServer& server = policy::serverOf(*env_.config, session.virtualServer);
  ipc::SmtpReply verdict = policy::recipientVerdict(server, clientOf(session, *identity), forwardPath, route);
  if (verdict.code == 250 && route.kind != route::Route::Kind::local) {
    // While nobody can say the mail is taken and waits; only a certain "no" refuses.
    Finding finding = co_await env_.verifier.find(route, forwardPath);
    if (finding.kind == Finding::Kind::notThere) verdict = std::move(finding.reply);
  }
  const bool hasLimit = route.locals.size() == 1 && (route.locals[0].account.quotaOctets != 0 || route.locals[0].account.quotaMessages != 0);
  if (verdict.code == 250 && hasLimit) verdict = co_await roomIn(route.locals[0].account);
  co_return verdict;
}

}  // namespace ostler::spool
