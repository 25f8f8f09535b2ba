// login.cc - one login from LoginStart to success or refusal: the part of AuthService that is a dialogue.
// What a mechanism asks for between its steps is found out in login_steps.cc.
// A user that does not exist costs the same work and gets the same words as one whose password is wrong (RFC 4422 6.1.4
// asks for no hint). What differs is in the log.
#include <fmt/chrono.h>

#include <algorithm>

#include "libmailcore/directory/resolve.h"
#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/ipc/session_info.h"
#include "libmailcore/sasl/prep.h"
#include "libmailcore/store/account_folder.h"
#include "queued/auth/auth_service.h"
#include "queued/auth/counted.h"
#include "queued/auth/permissions.h"

namespace ostler::queued::auth {

namespace {

constexpr std::chrono::minutes kConversationLifetime{5};
constexpr std::size_t kMostConversations = 100'000;
// So many failed logins may wait for their late answer at once; beyond that they are answered at once, because a flood
// of them must not fill the pipe that good logins come through.
constexpr std::size_t kMostDelayed = 500;

/// The settings of the listener's kind that the client came in by. Nothing: its virtual server is gone, and another's are not its own.
std::optional<config::AuthSettings> settingsFor(const config::Config& config, const ipc::SessionInfo& session) {
  if (session.service == "pop3") return config.pop3.auth;
  if (session.service == "imap") return config.imap.auth;
  for (const config::VirtualServer& server : config.virtualServers) {
    if (server.name == session.virtualServer) return server.auth;
  }
  return std::nullopt;
}

bool isNamed(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<net::IpAddress> addressOf(const ipc::SessionInfo& session) {
  const Result<net::Endpoint> endpoint = net::Endpoint::parse(session.client);
  if (endpoint && endpoint->unixPath.empty()) return endpoint->address;
  const Result<net::IpAddress> bare = net::IpAddress::parse(session.client);
  if (bare) return *bare;
  return std::nullopt;
}

LockoutRules rulesOf(const config::DirectorySettings& settings) {
  return {settings.failuresBeforeLockout, settings.lockout};
}

// Tells nobody whether the account exists: names that do not are counted and locked alike.
std::string lockedOutWords(WallTime until) {
  const auto minute = std::chrono::ceil<std::chrono::minutes>(until);
  return fmt::format("Too many failed logins: locked out until {:%H:%M} UTC", fmt::gmtime(std::chrono::system_clock::to_time_t(minute)));
}

AuthService::LoginAnswer answerOf(ipc::LoginReply reply) {
  return {std::move(reply), {}};
}

/// What a user may send as: its address in each name of its domain, and what the administrator gave it beside.
std::vector<std::string> addressesOf(const directory::User& user, const directory::Domain& domain) {
  std::vector<std::string> addresses = {user.address()};
  for (const std::string& name : domain.aliases) addresses.push_back(directory::Address{user.localPart, name}.text());
  addresses.insert(addresses.end(), user.sendAs.begin(), user.sendAs.end());
  return addresses;
}

}  // namespace

bool AuthService::isExempt(const Conversation& conversation) const {
  const std::optional<net::IpAddress> client = addressOf(conversation.session);
  if (!client) return false;
  const config::DirectorySettings& settings = conversation.config->directory;
  if (client->isLoopback() && !settings.lockoutLoopback) return true;
  return std::ranges::any_of(settings.lockoutExempt, [&client](const net::Cidr& network) { return network.contains(*client); });
}

bool AuthService::isLockedOut(Conversation& conversation) const {
  if (isExempt(conversation)) return false;
  const LockoutRules rules = rulesOf(conversation.config->directory);
  const WallTime now = parts_.clock.now();
  std::optional<WallTime> until;
  // Who sends a token or a ticket has no name yet.
  const std::string& name = conversation.candidate.name;
  if (!name.empty()) until = lockouts_.lockedUntil(accountKey(name), rules, now);
  const std::optional<net::IpAddress> client = addressOf(conversation.session);
  if (client) until = std::max(until, lockouts_.lockedUntil(clientKey(*client), rules, now));
  if (!until) return false;
  conversation.reason = "locked-out";
  conversation.told = lockedOutWords(*until);
  return true;
}

Task<Result<AuthService::LoginAnswer>> AuthService::loginStart(Connection from, ipc::LoginStart request) {
  const Result<void> allowed = check(*from, ipc::LoginStart::kType);
  if (!allowed) co_return fail(allowed.error());
  dropOldConversations();
  Conversation conversation;
  conversation.connection = from->id();
  conversation.started = parts_.clock.now();
  conversation.mechanismName = request.mechanism;
  conversation.config = parts_.config;
  const std::optional<config::AuthSettings> settings = settingsFor(*parts_.config, request.session);
  const sasl::MechanismInfo* const mechanism = sasl::findMechanism(request.mechanism);
  const bool usable = settings && mechanism != nullptr && isNamed(settings->mechanisms, mechanism->name);
  if (usable) conversation.mechanism = mechanism->make(saslContext(request, *settings));
  conversation.session = std::move(request.session);
  if (!settings) co_return unavailable(conversation, {Error::Kind::temporary, "the configuration has no such virtual server"});
  if (!usable) {
    const sasl::Failed notOffered{"", "mechanism", ""};
    Result<LoginAnswer> refused = co_await refuse(std::move(conversation), notOffered);
    co_return refused;
  }
  sasl::Step step =
      conversation.mechanism->start(request.initial ? std::optional<std::string_view>(*request.initial) : std::nullopt);
  if (request.initial) sasl::wipe(*request.initial);
  Result<LoginAnswer> answer = co_await advance(std::move(conversation), std::move(step));
  co_return answer;
}

Task<Result<AuthService::LoginAnswer>> AuthService::loginContinue(Connection from, ipc::LoginContinue request) {
  const Result<void> allowed = check(*from, ipc::LoginContinue::kType);
  if (!allowed) co_return fail(allowed.error());
  const auto found = conversations_.find(request.conversation);
  if (found == conversations_.end() || found->second.connection != from->id()) {
    ipc::LoginReply reply;
    reply.state = ipc::LoginReply::State::failed;
    reply.reason = "expired";
    co_return answerOf(std::move(reply));
  }
  Conversation conversation = std::move(found->second);
  conversations_.erase(found);
  sasl::Step step = conversation.mechanism->response(request.response);
  sasl::wipe(request.response);
  Result<LoginAnswer> answer = co_await advance(std::move(conversation), std::move(step));
  co_return answer;
}

void AuthService::loginCancel(const ipc::ServerConnection& from, const ipc::LoginCancel& request) {
  const auto found = conversations_.find(request.conversation);
  if (found != conversations_.end() && found->second.connection == from.id()) conversations_.erase(found);
}

void AuthService::dropOldConversations() {
  // Ids grow with time, so the oldest stand first.
  const WallTime now = parts_.clock.now();
  while (!conversations_.empty() && (conversations_.size() >= kMostConversations ||
                                     now - conversations_.begin()->second.started > kConversationLifetime)) {
    conversations_.erase(conversations_.begin());
  }
}

Task<Result<AuthService::LoginAnswer>> AuthService::advance(Conversation conversation, sasl::Step step) {
  while (true) {
    if (auto* const asked = std::get_if<sasl::Challenge>(&step))
      co_return challenge(std::move(conversation), std::move(asked->data));
    if (auto* const failure = std::get_if<sasl::Failed>(&step)) {
      Result<LoginAnswer> refused = co_await refuse(std::move(conversation), std::move(*failure));
      co_return refused;
    }
    if (auto* const success = std::get_if<sasl::Succeeded>(&step)) {
      Result<LoginAnswer> welcome = co_await succeed(std::move(conversation), std::move(*success));
      co_return welcome;
    }
    Result<sasl::Step> next = fail(Error::Kind::temporary, "");
    if (auto* const find = std::get_if<sasl::FindVerifiers>(&step)) {
      Result<sasl::Step> found = co_await findVerifiers(conversation, std::move(find->user));
      next = std::move(found);
    } else if (auto* const password = std::get_if<sasl::CheckPassword>(&step)) {
      Result<sasl::Step> checked = co_await checkPassword(conversation, std::move(*password));
      next = std::move(checked);
    } else if (auto* const ask = std::get_if<sasl::AskAboutToken>(&step)) {
      Result<sasl::Step> answered = co_await askAboutToken(conversation, std::move(ask->token));
      next = std::move(answered);
    } else if (auto* const accept = std::get_if<sasl::AcceptToken>(&step)) {
      Result<sasl::Step> accepted = co_await acceptToken(conversation, std::move(*accept));
      next = std::move(accepted);
    }
    if (!next) co_return unavailable(conversation, next.error());
    step = std::move(*next);
  }
}

AuthService::LoginAnswer AuthService::challenge(Conversation conversation, std::string data) {
  ipc::LoginReply reply;
  reply.state = ipc::LoginReply::State::challenge;
  reply.conversation = ++lastConversation_;
  reply.data = std::move(data);
  conversations_.emplace(reply.conversation, std::move(conversation));
  return answerOf(std::move(reply));
}

AuthService::LoginAnswer AuthService::unavailable(const Conversation& conversation, const Error& error) {
  parts_.log.of(conversation.session.virtualServer).error("login-unavailable", {{"session", conversation.session.session.text()},
                                         {"service", conversation.session.service},
                                         {"client", conversation.session.client},
                                         {"user", conversation.candidate.name},
                                         {"reason", error.detail}});
  ipc::LoginReply reply;
  reply.state = ipc::LoginReply::State::unavailable;
  reply.reason = "unavailable";
  return answerOf(std::move(reply));
}

Task<Result<AuthService::LoginAnswer>> AuthService::succeed(Conversation conversation, sasl::Succeeded success) {
  const directory::User& user = *conversation.candidate.user;
  if (user.disabled && conversation.reason.empty()) conversation.reason = "disabled";
  const Result<bool> itself = co_await actsAsItself(conversation, std::move(success.authorizationId));
  if (!itself) co_return unavailable(conversation, itself.error());
  if (!*itself && conversation.reason.empty()) conversation.reason = "authorization";
  if (!conversation.reason.empty()) {
    const sasl::Failed failure{std::move(success.user), conversation.reason, ""};
    Result<LoginAnswer> refused = co_await refuse(std::move(conversation), failure);
    co_return refused;
  }
  LoginAnswer answer;
  const ipc::SessionInfo& session = conversation.session;
  if (session.service == "pop3" || session.service == "imap") {
    auto job = [accounts = conversation.config->accountsDir(), id = user.id] {
      return store::openAccountFolder(accounts, id);
    };
    Result<UniqueFd> folder = co_await parts_.directoryReads.run(parts_.loop, std::move(job));
    if (!folder) co_return unavailable(conversation, folder.error());
    answer.descriptors.push_back(std::move(*folder));
  }
  // The client's count stays: one own account must not buy guesses. So does the account's where the client is exempt: it would be let in
  // while others guess, and its logins would forgive them.
  if (!isExempt(conversation)) lockouts_.clear(accountKey(conversation.candidate.name));
  ipc::Identity identity;
  identity.known = true;
  identity.account = directory::accountOf(user, conversation.candidate.domain);
  identity.addresses = addressesOf(user, conversation.candidate.domain);
  answer.message.state = ipc::LoginReply::State::succeeded;
  answer.message.account = identity.account;
  answer.message.data = std::move(success.data);
  answer.message.token = tokens_.give(conversation.connection, std::move(identity));
  // The daemon that has the session writes the line of the login; here is what it does not know.
  parts_.log.of(session.virtualServer).debug("login-verified", {{"session", session.session.text()},
                                      {"service", session.service},
                                      {"client", session.client},
                                      {"tls", session.tls},
                                      {"mechanism", conversation.mechanismName},
                                      {"user", conversation.candidate.name}});
  co_return answer;
}

Task<Result<AuthService::LoginAnswer>> AuthService::refuse(Conversation conversation, sasl::Failed failure) {
  const ipc::SessionInfo& session = conversation.session;
  std::string reason = conversation.reason.empty() ? failure.reason : conversation.reason;
  // Guesses count. A mechanism we do not offer, a broken message or an attempt while locked out is none.
  const bool isGuess = reason == sasl::kReasonCredentials || reason == sasl::kReasonTicket || reason == "disabled" || reason == "authorization";
  unsigned failures = 1;
  if (isGuess && !isExempt(conversation)) {
    const LockoutRules rules = rulesOf(conversation.config->directory);
    const WallTime now = parts_.clock.now();
    if (!conversation.candidate.name.empty()) failures = lockouts_.fail(accountKey(conversation.candidate.name), rules, now);
    if (const auto client = addressOf(session))
      failures = std::max(failures, lockouts_.fail(clientKey(*client), rules, now));
  }
  const bool known = conversation.candidate.user.has_value();
  parts_.log.of(session.virtualServer).info("login-refused",
                  {{"session", session.session.text()},
                   {"service", session.service},
                   {"client", session.client},
                   {"tls", session.tls},
                   {"mechanism", conversation.mechanismName},
                   {"user", conversation.candidate.name.empty() ? failure.user : conversation.candidate.name},
                   {"reason", !failure.detail.empty() ? failure.detail : !known && reason == sasl::kReasonCredentials ? "unknown-user" : reason},
                   {"failures", std::uint64_t{failures}}});
  if (isGuess && delayed_ < kMostDelayed) {
    const Counted count(delayed_);
    const Deadline late = Deadline::after(parts_.delay(failures));
    co_await parts_.loop.sleepUntil(late);
  }
  ipc::LoginReply reply;
  reply.state = ipc::LoginReply::State::failed;
  reply.account.address =
      conversation.candidate.name.empty() ? failure.user : conversation.candidate.name;  // for the log
  reply.data = std::move(failure.data);
  reply.reason = std::move(reason);
  reply.told = std::move(conversation.told);
  co_return answerOf(std::move(reply));
}

}  // namespace ostler::queued::auth
