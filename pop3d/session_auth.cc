// session_auth.cc - AUTHORIZATION: what we can do, TLS, passwords and SASL, and the way into the maildrop.
#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/ipc/session_info.h"
#include "libmailcore/sasl/mechanism.h"
#include "pop3d/session.h"

namespace ostler::pop3 {
namespace {

constexpr auto kAuthTime = std::chrono::seconds(30);
constexpr std::size_t kLongestResponse = 12288;  // RFC 5034 4 leaves it to the mechanism; RFC 4954 4 has this

}  // namespace

bool Session::tlsOffered() const {
  return arrival_.snapshot->tls && !connection_.tls() && arrival_.plan->listener.tls == config::ListenerTls::startTls;
}

bool Session::passwordsAllowed() const {
  if (connection_.tls()) return true;
  const auto& networks = arrival_.snapshot->config->pop3.auth.plaintextFrom;
  return std::any_of(networks.begin(), networks.end(),
                     [&](const net::Cidr& network) { return network.contains(arrival_.client.address); });
}

std::vector<std::string> Session::mechanisms() const {
  std::vector<std::string> out;
  for (const std::string& name : arrival_.snapshot->config->pop3.auth.mechanisms) {
    const sasl::MechanismInfo* const mechanism = sasl::findMechanism(name);
    if (!mechanism || (mechanism->sendsPassword && !passwordsAllowed())) continue;
    if (mechanism->bindsChannel && !connection_.tls()) continue;
    // RFC 4422 A: whom the certificate names is known before anything is said.
    if (name == "EXTERNAL" && (!connection_.tls() || connection_.tls()->peerAddresses.empty())) continue;
    out.push_back(name);
  }
  return out;
}

ipc::SessionInfo Session::info() const {
  ipc::SessionInfo out;
  out.session = id_;
  out.service = "pop3";
  out.client = arrival_.client.text();
  out.local = arrival_.local.text();
  if (connection_.tls()) out.tls = connection_.tls()->text();
  return out;
}

Task<Reply> Session::capa(Arguments) {
  Reply reply = ok("This is what I can do");
  std::string lines = "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\nUTF8\r\n";
  if (passwordsAllowed()) lines += "USER\r\n";
  std::string names;
  for (const std::string& name : mechanisms()) names += " " + name;
  if (!names.empty()) lines += "SASL" + names + "\r\n";
  if (tlsOffered() && !maildrop_) lines += "STLS\r\n";
  lines += "IMPLEMENTATION Ostler\r\n";
  reply.lines = std::move(lines);
  co_return reply;
}

Task<Reply> Session::stls(Arguments) {
  if (connection_.tls()) co_return err("TLS is active already");
  if (!tlsOffered()) co_return err("TLS is not offered here");
  Reply reply = ok("Begin TLS negotiation");
  reply.then = Reply::Then::startTls;
  co_return reply;
}

// Messages with UTF-8 headers are sent as they are with and without this command. Deviates from RFC 6856 2.1, which has
// them converted or hidden before: clients show them well enough, and a converted message would not have the size that
// LIST tells.
Task<Reply> Session::utf8(Arguments) {
  co_return ok("UTF-8");
}

// USER is always answered +OK: an -ERR would tell a stranger which names exist (RFC 1939 13).
Task<Reply> Session::user(Arguments name) {
  if (!passwordsAllowed()) co_return refusedInClearText(trim(name.text));
  user_ = trim(name.text);
  co_return ok("Send your password");
}

Task<Reply> Session::pass(Arguments password) {
  if (!passwordsAllowed()) co_return refusedInClearText("");
  if (user_.empty()) co_return err("Send USER first");
  std::string initial = std::string(1, '\0') + user_ + '\0' + std::string(password.text);  // RFC 4616 2
  Reply reply = co_await logIn("PLAIN", std::move(initial));
  user_ = maildrop_ ? user_ : std::string();
  co_return reply;
}

// AUTH mechanism [initial-response]. Without a mechanism it lists them, as clients older than RFC 2449 ask.
Task<Reply> Session::auth(Arguments arguments) {
  const std::vector<std::string> offered = mechanisms();
  if (arguments.text.empty()) {
    Reply reply = ok("");
    reply.lines.emplace();
    for (const std::string& name : offered) *reply.lines += name + "\r\n";
    co_return reply;
  }
  const std::size_t blank = std::min(arguments.text.find(' '), arguments.text.size());
  std::string mechanism = asciiUpper(arguments.text.substr(0, blank));
  mechanism_ = printable(mechanism, 40);
  user_.clear();  // what USER said is not whom this is about
  if (std::find(offered.begin(), offered.end(), mechanism) == offered.end())
    co_return loginFailed("mechanism not offered", "[AUTH] No such mechanism here");
  const std::string_view word = trim(arguments.text.substr(blank));
  std::optional<std::string> initial;
  if (word == "=") {
    initial.emplace();  // an empty one is not the same as none: RFC 5034 4
  } else if (!word.empty()) {
    Result<std::string> decoded = decodeBase64(word);
    if (!decoded) co_return loginFailed("bad base64", "[AUTH] The initial response is not base64");
    initial = std::move(*decoded);
  }
  Reply reply = co_await logIn(std::move(mechanism), std::move(initial));
  co_return reply;
}

// A continuation and the client's response to it. Errors: syntax (cancelled by "*", or no base64), and those of the
// connection.
Task<Result<std::string>> Session::challenge(std::string data) {
  connection_.write("+ " + encodeBase64(data) + "\r\n");
  const Result<std::string_view> line = co_await connection_.readLine(kLongestResponse, deadline());
  if (!line) co_return fail(line.error());
  if (*line == "*") co_return fail(Error::Kind::syntax, "cancelled by the client");
  Result<std::string> response = decodeBase64(*line);
  co_return response;
}

Task<Reply> Session::logIn(std::string mechanism, std::optional<std::string> initial) {
  mechanism_ = mechanism;
  ipc::LoginStart start;
  start.session = info();
  start.mechanism = std::move(mechanism);
  start.initial = std::move(initial);
  if (connection_.tls()) {
    start.tlsExporter = connection_.tls()->tlsExporter;
    start.tlsServerEndPoint = connection_.tls()->serverEndPoint;
    start.tlsPeerAddresses = connection_.tls()->peerAddresses;
  }
  const std::uint64_t versionBefore = worker_.loggedIn.directoryVersion();
  auto answer = co_await worker_.auth.callWithDescriptors(std::move(start), {}, Deadline::after(kAuthTime));
  while (answer && answer->message.state == ipc::LoginReply::State::challenge) {
    ipc::LoginContinue next;
    next.conversation = answer->message.conversation;
    Result<std::string> response = co_await challenge(std::move(answer->message.data));
    if (!response) {
      ipc::LoginCancel cancel;
      cancel.conversation = next.conversation;
      worker_.auth.notify(cancel);
      if (response.error().kind == Error::Kind::syntax)
        co_return loginFailed(response.error().detail, "[AUTH] Cancelled");
      log::tellFailedLogin(worker_.log, facts(user_), response.error().detail);
      co_return replyForInput(response.error());
    }
    next.response = std::move(*response);
    answer = co_await worker_.auth.callWithDescriptors(std::move(next), {}, Deadline::after(kAuthTime));
  }
  if (!answer)
    co_return loginFailed(answer.error().detail,
                          "[SYS/TEMP] Logging in is not possible at the moment; try again later");
  ipc::LoginReply& reply = answer->message;
  if (!reply.account.address.empty()) user_ = reply.account.address;
  if (reply.state == ipc::LoginReply::State::unavailable) {
    co_return loginFailed(reply.reason,
                          "[SYS/TEMP] Logging in is not possible at the moment; try again later");
  }
  if (reply.state != ipc::LoginReply::State::succeeded || answer->descriptors.empty()) {
    co_return loginFailed(reply.reason, reply.told.empty() ? "[AUTH] Wrong name or password" : "[SYS/TEMP] " + reply.told);
  }
  if (!reply.data.empty()) {  // the server's last words, which have no other way to the client: RFC 5034 4
    const Result<std::string> heard = co_await challenge(std::move(reply.data));
    if (!heard) co_return loginFailed(heard.error().detail, "[AUTH] Cancelled");
  }
  Reply entered =
      co_await openMaildrop(std::move(reply.account), std::move(answer->descriptors.front()), versionBefore);
  co_return entered;
}

Reply Session::refusedInClearText(std::string_view name) {
  mechanism_ = "PLAIN";
  log::tellFailedLogin(worker_.log, facts(printable(name, 100)), "password in clear text");
  return err("[AUTH] No passwords in clear text: start TLS with STLS first");
}

Reply Session::loginFailed(std::string_view reason, std::string_view words) {
  log::tellFailedLogin(worker_.log, facts(user_), reason);
  return err(std::string(words));
}

Task<Reply> Session::openMaildrop(ipc::Account account, UniqueFd folder, std::uint64_t versionBefore) {
  user_ = account.address;
  store::Quota limits;
  limits.limitOctets = account.quotaOctets;
  limits.limitMessages = account.quotaMessages;
  Result<std::shared_ptr<store::Account>> opened = co_await worker_.store.open(account.id, std::move(folder), limits);
  if (!opened) co_return loginFailed(opened.error().detail, errFor(opened.error()).text);
  Result<std::unique_ptr<Maildrop>> drop = co_await Maildrop::open(worker_.loop, std::move(*opened));
  if (!drop) co_return loginFailed(drop.error().detail, errFor(drop.error()).text);
  maildrop_ = std::move(*drop);
  owner_ = user_;
  presence_ = worker_.loggedIn.enter(account, versionBefore, [this] {
    shutOut_ = true;
    connection_.interruptRead();
  });
  log::tellLogin(worker_.log, facts(owner_), log::Field("messages", std::uint64_t{maildrop_->count()}));
  co_return ok("Your maildrop has " + std::to_string(maildrop_->count()) + " messages");
}

}  // namespace ostler::pop3
