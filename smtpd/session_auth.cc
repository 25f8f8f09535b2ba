// session_auth.cc - AUTH: carries what client and auth say to each other, and keeps the token. RFC 4954.
// No password, no verifier and no mechanism is known here.
#include <algorithm>
#include <utility>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"
#include "libmailcore/ipc/login.h"
#include "smtpd/session.h"

namespace ostler::smtpd {
namespace {

using namespace std::chrono_literals;
using smtp::Reply;

constexpr std::size_t kMostAuthLine = 12288;  // RFC 4954 4.5
constexpr auto kLoginTime = 30s;              // a foreign directory may be slow; and clients that give up do so after a minute
constexpr unsigned kMostSteps = 8;

bool bindsChannel(const std::string& mechanism) {
  return mechanism.ends_with("-PLUS");
}

}  // namespace

// A client on loopback is a stranger like any other: only `plaintextFrom` lets a password through without TLS.
bool Session::passwordsAllowed() const {
  const auto& from = server_.auth.plaintextFrom;
  if (connection_.tls() == nullptr && server_.tlsRequired) return false;
  return connection_.tls() != nullptr || std::any_of(from.begin(), from.end(), [this](const net::Cidr& range) {
           return range.contains(clientAddress_);
         });
}

std::vector<std::string> Session::mechanismsOffered() const {
  if (isLmtp() || !passwordsAllowed() || isAuthenticated()) return {};
  std::vector<std::string> offered = server_.auth.mechanisms;
  const net::TlsInfo* const tls = connection_.tls();
  const bool canBind = tls && !(tls->tlsExporter.empty() && tls->serverEndPoint.empty());
  if (!canBind) std::erase_if(offered, bindsChannel);
  // RFC 4422 A: whom the certificate names is known before anything is said.
  if (!tls || tls->peerAddresses.empty()) std::erase(offered, "EXTERNAL");
  return offered;
}

Task<smtp::Reply> Session::auth(std::string_view argument) {
  const auto command = smtp::parseAuth(argument);
  if (!command) co_return Reply{501, "5.5.4", "AUTH needs a mechanism"};
  mechanism_ = printable(command->mechanism, 40);
  attempted_.clear();
  const std::vector<std::string> offered = mechanismsOffered();
  if (std::find(offered.begin(), offered.end(), command->mechanism) == offered.end()) {
    co_return loginFailed("mechanism not offered", {504, "5.5.4", "Mechanism not offered"});
  }
  ipc::LoginStart start;
  start.session = info_;
  start.mechanism = command->mechanism;
  if (command->initial) {
    auto initial = *command->initial == "=" ? Result<std::string>("") : decodeBase64(*command->initial);
    if (!initial) co_return loginFailed("bad base64", {501, "5.5.2", "Bad base64"});
    start.initial = std::move(*initial);
  }
  if (const net::TlsInfo* const tls = connection_.tls()) {
    start.tlsExporter = tls->tlsExporter;
    start.tlsServerEndPoint = tls->serverEndPoint;
    start.tlsPeerAddresses = tls->peerAddresses;
  }
  const Result<ipc::LoginReply> verdict = co_await login(std::move(start));
  if (!verdict) co_return failedExchange(verdict.error());
  switch (verdict->state) {
    case ipc::LoginReply::State::succeeded:
      co_return loggedIn(*verdict);
    case ipc::LoginReply::State::failed:
      attempted_ = verdict->account.address;
      if (!verdict->told.empty()) co_return loginFailed(verdict->reason, {454, "4.7.0", verdict->told});
      co_return loginFailed(verdict->reason, {535, "5.7.8", "Authentication credentials invalid"});
    default:
      co_return loginFailed("unavailable", {454, "4.7.0", "Temporary authentication failure"});
  }
}

// Until auth has decided: its challenge to the client, the client's response to auth. Errors: those of respond();
// temporary.
Task<Result<ipc::LoginReply>> Session::login(ipc::LoginStart start) {
  Result<ipc::LoginReply> first = co_await around_.policy.startLogin(std::move(start), Deadline::after(kLoginTime));
  if (!first) co_return fail(Error::Kind::temporary, first.error().detail);
  ipc::LoginReply step = std::move(*first);
  for (unsigned steps = 0; step.state == ipc::LoginReply::State::challenge && steps < kMostSteps; ++steps) {
    Result<std::string> response = co_await respond(step);
    if (!response) {
      around_.policy.cancelLogin({step.conversation});
      co_return fail(response.error());
    }
    Result<ipc::LoginReply> next = co_await proceed(step.conversation, std::move(*response));
    if (!next) co_return next;
    step = std::move(*next);
  }
  if (step.state == ipc::LoginReply::State::challenge) around_.policy.cancelLogin({step.conversation});
  if (step.state == ipc::LoginReply::State::succeeded && !step.data.empty()) {
    // SCRAM's last words go as one more challenge, which the client acknowledges with an empty response: RFC 4954 4.
    const Result<std::string> acknowledged = co_await respond(step);
    if (!acknowledged) co_return fail(acknowledged.error());
  }
  co_return step;
}

Task<Result<ipc::LoginReply>> Session::proceed(std::uint64_t conversation, std::string response) {
  Result<ipc::LoginReply> next =
      co_await around_.policy.continueLogin({conversation, std::move(response)}, Deadline::after(kLoginTime));
  if (!next) co_return fail(Error::Kind::temporary, next.error().detail);
  co_return next;
}

// The client's response to a challenge. Errors: syntax (bad base64), denied (the client cancelled), and readLine's.
Task<Result<std::string>> Session::respond(const ipc::LoginReply& step) {
  const bool shown = std::exchange(isWrittenDown_, false);  // challenges of SCRAM hold salts
  co_await say({334, "", encodeBase64(step.data)});
  isWrittenDown_ = shown;
  writeDown("server", "334 (left out)");
  const Result<std::string_view> line = co_await connection_.readLine(kMostAuthLine, idle());
  writeDown("client", "(left out)");
  if (!line) co_return fail(line.error());
  if (*line == "*" || connection_.bareLf()) co_return fail(Error::Kind::denied, "cancelled by the client");
  Result<std::string> response = decodeBase64(*line);
  co_return response;
}

smtp::Reply Session::failedExchange(const Error& error) {
  tellFailedLogin(error.detail);
  switch (error.kind) {
    case Error::Kind::syntax:
      return {501, "5.5.2", "Bad base64"};
    case Error::Kind::denied:
      return {501, "5.7.0", "Authentication cancelled"};
    case Error::Kind::limit:
      return {500, "5.5.6", "Authentication exchange line is too long"};
    case Error::Kind::temporary:
      (void)unavailable("login", error);
      return {454, "4.7.0", "Temporary authentication failure"};
    default:
      return lost(error);
  }
}

smtp::Reply Session::loggedIn(const ipc::LoginReply& step) {
  info_.token = step.token;
  authGeneration_ = around_.policy.authGeneration();
  account_ = step.account;
  if (!isWrittenDown_) chooseTranscript();
  log::tellLogin(around_.log, facts(account_.address));
  return {235, "2.7.0", "Authentication successful"};
}

smtp::Reply Session::loginFailed(std::string_view reason, smtp::Reply reply) const {
  tellFailedLogin(reason);
  return reply;
}

void Session::tellFailedLogin(std::string_view reason) const {
  log::tellFailedLogin(around_.log, facts(attempted_), reason);
}

}  // namespace ostler::smtpd
