// Login: SASL's dialogue between client and auth, and the account that comes out of it.
// RFC 9051 6.2.2, 6.2.3; RFC 4959 (SASL-IR); RFC 4422 5. The server's steps are auth's: nothing here sees a verifier.
#include <fcntl.h>

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/ipc/session_info.h"

#include "imapd/session.h"

namespace ostler::imap {
namespace {

constexpr std::chrono::seconds kAuthWait{30};
constexpr std::size_t kMaxResponse = 16U << 10;

bool sendsPassword(std::string_view mechanism) {
  return mechanism == "PLAIN" || mechanism == "LOGIN";
}
// The name in a message of PLAIN: authzid NUL authcid NUL password. RFC 4616 2.
std::string nameInPlain(std::string_view message) {
  const std::size_t from = message.find('\0');
  if (from == std::string_view::npos) return {};
  const std::string_view rest = message.substr(from + 1);
  return printable(rest.substr(0, rest.find('\0')), 100);
}
bool bindsChannel(std::string_view mechanism) {
  return mechanism.ends_with("-PLUS");
}

using Answer = ipc::Client::Answer<ipc::LoginReply>;

}  // namespace

std::vector<std::string> Session::mechanisms() const {
  std::vector<std::string> offered;
  for (const std::string& mechanism : config_->imap.auth.mechanisms) {
    if (sendsPassword(mechanism) && !passwordsAllowed()) continue;
    if (bindsChannel(mechanism) && !secure()) continue;
    // RFC 4422 A: whom the certificate names is known before anything is said.
    if (mechanism == "EXTERNAL" && (!connection_.tls() || connection_.tls()->peerAddresses.empty())) continue;
    offered.push_back(mechanism);
  }
  return offered;
}

ipc::SessionInfo Session::sessionInfo() const {
  ipc::SessionInfo info;
  info.session = sessionId_;
  info.service = "imap";
  info.client = peer_.text();
  info.local = local_.text();
  if (const net::TlsInfo* const tls = connection_.tls()) info.tls = tls->text();
  return info;
}

Task<Result<Answer>> Session::askAuth(std::string mechanism, std::optional<std::string> initial) {
  ipc::LoginStart start;
  start.session = sessionInfo();
  start.mechanism = std::move(mechanism);
  start.initial = std::move(initial);
  if (const net::TlsInfo* const tls = connection_.tls()) {
    start.tlsExporter = tls->tlsExporter;
    start.tlsServerEndPoint = tls->serverEndPoint;
    start.tlsPeerAddresses = tls->peerAddresses;
  }
  Result<Answer> answer =
      co_await worker_.auth.callWithDescriptors<ipc::LoginStart>(std::move(start), {}, Deadline::after(kAuthWait));
  while (answer && answer->message.state == ipc::LoginReply::State::challenge) {
    ipc::LoginContinue next;
    next.conversation = answer->message.conversation;
    Result<std::string> response = co_await challenge(std::move(answer->message.data));
    if (!response) {
      worker_.auth.notify(ipc::LoginCancel{next.conversation});
      co_return fail(response.error());
    }
    next.response = std::move(*response);
    answer =
        co_await worker_.auth.callWithDescriptors<ipc::LoginContinue>(std::move(next), {}, Deadline::after(kAuthWait));
  }
  if (answer && answer->message.state == ipc::LoginReply::State::succeeded && !answer->message.data.empty()) {
    // IMAP's OK carries no data, so the server's last words are a challenge that wants an empty answer: RFC 9051 6.2.2.
    const Result<std::string> empty = co_await challenge(std::move(answer->message.data));
    if (!empty) co_return fail(empty.error());
  }
  co_return answer;
}

// Errors: denied when the client sends "*", syntax.
Task<Result<std::string>> Session::challenge(std::string data) {
  write("+ " + encodeBase64(data) + "\r\n");
  const Result<std::string> line = co_await readLineText(kMaxResponse);
  if (!line) co_return fail(line.error());
  if (*line == "*") co_return fail(Error::Kind::denied, "cancelled by the client");
  Result<std::string> decoded = decodeBase64(*line);
  co_return decoded;
}

Task<Reply> Session::logIn(std::string mechanism, std::optional<std::string> initial) {
  mechanism_ = mechanism;
  loginName_ = mechanism == "PLAIN" && initial ? nameInPlain(*initial) : std::string();
  const std::uint64_t versionBefore = worker_.loggedIn.directoryVersion();
  Result<Answer> answer = co_await askAuth(std::move(mechanism), std::move(initial));
  if (!answer) {
    tellFailedLogin(answer.error().detail);
    switch (answer.error().kind) {
      case Error::Kind::denied:
        co_return Reply::bad("Authentication cancelled");
      case Error::Kind::syntax:
        co_return Reply::bad("Response is not base64");
      case Error::Kind::limit:
        co_return Reply::bad("Response is too long");
      default:
        co_return Reply::no("UNAVAILABLE", "Login is not possible now, try again later");
    }
  }
  if (answer->message.state != ipc::LoginReply::State::succeeded) co_return loginFailed(answer->message);
  UniqueFd folder = answer->descriptors.empty() ? UniqueFd() : std::move(answer->descriptors.front());
  const Reply reply = co_await enterAccount(std::move(answer->message), std::move(folder));
  if (account_) presence_ = worker_.loggedIn.enter(identity_, versionBefore, [this] { endSoon(kShutOut); });
  co_return reply;
}

log::SessionFacts Session::facts(const std::string& user) const {
  const ipc::SessionInfo about = sessionInfo();
  return {sessionId_.text(), about.service, about.client, about.tls, mechanism_, user};
}

void Session::tellFailedLogin(std::string_view reason) const {
  log::tellFailedLogin(worker_.log, facts(loginName_), reason);
}

Reply Session::refusedInClearText() {
  mechanism_ = "PLAIN";
  loginName_.clear();
  tellFailedLogin("password in clear text");
  return Reply::no("PRIVACYREQUIRED", "Passwords are taken over TLS only");
}

Reply Session::loginFailed(const ipc::LoginReply& reply) {
  const bool unavailable = reply.state == ipc::LoginReply::State::unavailable;
  if (!reply.account.address.empty()) loginName_ = reply.account.address;
  tellFailedLogin(unavailable ? "unavailable" : reply.reason);
  if (unavailable) return Reply::no("UNAVAILABLE", "Login is not possible now, try again later");
  if (++errors_ >= 20) {
    bye("Too many failed logins");
    endReason_ = "errors";
  }
  if (!reply.told.empty()) return Reply::no("UNAVAILABLE", reply.told);
  return Reply::no("AUTHENTICATIONFAILED", "Authentication failed");
}

Task<Reply> Session::enterAccount(ipc::LoginReply login, UniqueFd folder) {
  const Id128 id = login.account.id;
  UserConnections::Place place = worker_.users.enter(id, config_->imap.connectionsPerUser);
  loginName_ = login.account.address;
  if (!place) {
    tellFailedLogin("too many connections of this user");
    co_return Reply::no("LIMIT", "Too many connections of this user");
  }
  // Our own descriptor of the folder: large messages on their way in lie there without a name.
  UniqueFd own(::fcntl(folder.get(), F_DUPFD_CLOEXEC, 3));
  store::Quota limits;
  limits.limitOctets = login.account.quotaOctets;
  limits.limitMessages = login.account.quotaMessages;
  Result<std::shared_ptr<store::Account>> account = co_await worker_.store.open(id, std::move(folder), limits);
  if (!account) {
    worker_.log.error(
        "account-open",
        {{"session", sessionId_.text()}, {"user", login.account.address}, {"detail", account.error().detail}});
    tellFailedLogin(account.error().detail);
    co_return answerTo(account.error());
  }
  account_ = std::move(*account);
  folder_ = std::move(own);
  place_ = std::move(place);
  identity_ = std::move(login.account);
  log::tellLogin(worker_.log, facts(identity_.address));
  co_return Reply::okWith("CAPABILITY " + capabilities(), "Logged in");
}

}  // namespace ostler::imap
