// asks.cc - what a client may ask about us: VRFY, EXPN (RFC 5321 3.5), ETRN (RFC 1985), ATRN (RFC 2645).
#include <fmt/format.h>

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/ipc/policy.h"
#include "libmailcore/ipc/session_info.h"
#include "queued/spool/questions.h"

namespace ostler::spool {

namespace {

using ipc::SmtpReply;

SmtpReply sayNothing() { return {252, "2.1.5", "Cannot verify, but will accept the message and try to deliver it"}; }
SmtpReply away() { return {451, "4.3.0", "The directory of users does not answer. Try again later"}; }

/// A peer of the domain asks about our part of its users.
bool asksAsPeer(const config::Config& config, std::string_view domain, const ipc::SessionInfo& session) {
  for (const config::RouteRule& rule : config.routes) {
    const bool isIt = rule.action == config::RouteRule::Action::peers && route::namesDomain(rule, domain);
    const bool hasProof = rule.peerCertificates.empty() || policy::bearsName(&session.tlsNames, rule.peerCertificates);
    if (isIt && hasProof && route::isPeer(rule, session.client)) return true;
  }
  return false;
}

// A local part and its domain, as the directory writes them: RFC 5321 3.5.1.
SmtpReply aboutUser(const ipc::Resolution& resolution) {
  switch (resolution.kind) {
    case ipc::Resolution::Kind::tooMany:
    case ipc::Resolution::Kind::local: return {250, "2.1.5", "<" + resolution.address + ">"};
    case ipc::Resolution::Kind::remote: return {252, "2.1.5", "That domain is not on this server"};
    case ipc::Resolution::Kind::unknownUser:
    case ipc::Resolution::Kind::rejected:
    case ipc::Resolution::Kind::loop: break;
  }
  return {550, "5.1.1", "No such user here"};
}

constexpr std::size_t kMembersShown = 1000;

SmtpReply members(const ipc::Resolution& resolution) {
  if (resolution.kind != ipc::Resolution::Kind::local) return aboutUser(resolution);
  const std::size_t count = resolution.accounts.size() + resolution.remote.size();
  if (count > kMembersShown) return {252, "2.1.5", "It leads to " + std::to_string(count) + " addresses: too many to be listed"};
  std::string text;
  const auto add = [&text](const std::string& member) { text += (text.empty() ? "<" : "\n<") + member + ">"; };
  for (const ipc::Account& account : resolution.accounts) add(account.address);
  for (const std::string& member : resolution.remote) add(member);
  if (text.empty()) return {252, "2.1.5", "It leads to no mailbox"};
  return {250, "2.1.5", text};
}

bool isNode(std::string_view node) {
  if (node.starts_with('@')) node.remove_prefix(1);
  return !node.empty() && node.size() <= 255 && node.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
                                                    std::string_view::npos;
}

/// A queue's name is that of a route: "#held.example" is the mail for that domain, "#.held.example" for all below it. RFC 1985 5.3 leaves
/// the names to us.
std::string nodeOf(const std::string& argument) {
  if (!argument.starts_with('#')) return argument;
  return argument.starts_with("#.") ? "@" + argument.substr(2) : argument.substr(1);
}

}  // namespace

void Questions::serveAsks(ipc::Server& server) {
  using Connection = std::shared_ptr<ipc::ServerConnection>;
  using Descriptors = std::vector<UniqueFd>;
  server.on<ipc::Verify>([this](const Connection&, ipc::Verify request, const Descriptors&) { return answerVerify(std::move(request)); });
  server.on<ipc::EtrnRequest>([this](const Connection&, ipc::EtrnRequest request, const Descriptors&) { return answerEtrn(std::move(request)); });
  server.on<ipc::TurnAround>([this](const Connection&, ipc::TurnAround request, std::vector<UniqueFd> descriptors) {
    return answerTurn(std::move(request), std::move(descriptors));
  });
}

Task<Result<SmtpReply>> Questions::answerTurn(ipc::TurnAround request, std::vector<UniqueFd> descriptors) {
  if (descriptors.empty()) co_return fail(Error::Kind::syntax, "TurnAround without a descriptor");
  SmtpReply reply = co_await turn(std::move(request), std::move(descriptors.front()));
  co_return reply;
}

Task<Result<SmtpReply>> Questions::answerVerify(ipc::Verify request) {
  SmtpReply reply = co_await verify(std::move(request));
  co_return reply;
}

Task<Result<SmtpReply>> Questions::answerEtrn(ipc::EtrnRequest request) {
  SmtpReply reply = co_await etrn(std::move(request));
  co_return reply;
}

Task<SmtpReply> Questions::verify(ipc::Verify request) {
  const auto identity = co_await identityOf(request.session.token);
  if (!identity) co_return away();
  const std::shared_ptr<const config::Config> config = env_.config;
  const config::VirtualServer* const server = policy::serverNamed(*config, request.session.virtualServer);
  if (server == nullptr) co_return goneReply(request.session);
  const policy::Client client{request.session.service, request.session.client, identity->get(), &request.session.tlsNames};
  const bool isPeer = !request.expand && asksAsPeer(*config, route::domainOf(request.argument), request.session);
  if (!isPeer && !policy::mayAsk(request.expand ? server->expn : server->vrfy, *server, client)) co_return sayNothing();
  const auto resolution = co_await env_.directory.resolve(request.argument);
  if (!resolution && resolution.error().kind == Error::Kind::syntax) co_return SmtpReply{553, "5.1.3", "That is no address"};
  if (!resolution) co_return away();
  co_return request.expand ? members(**resolution) : aboutUser(**resolution);
}

Task<SmtpReply> Questions::etrn(ipc::EtrnRequest request) {
  const auto identity = co_await identityOf(request.session.token);
  if (!identity) co_return away();
  const std::string node = nodeOf(request.argument);
  if (!isNode(node)) co_return SmtpReply{501, "5.5.4", "ETRN needs a domain, @ and a domain for all below it, or # and a route's domain"};
  const config::VirtualServer* const server = policy::serverNamed(*env_.config, request.session.virtualServer);
  if (server == nullptr) co_return goneReply(request.session);
  const policy::Client client{request.session.service, request.session.client, identity->get(), &request.session.tlsNames};
  const std::string domain = node.starts_with('@') ? node.substr(1) : node;
  bool may = false;
  for (const config::RouteRule& rule : env_.config->routes) {
    if (!rule.etrn.hold || !policy::mayStart(rule.etrn, client)) continue;
    may = may || route::matchesDomain(rule.domain, domain) || (node.starts_with('@') && route::matchesDomain("." + domain, rule.domain));
  }
  if (!may || !policy::mayAsk(server->etrn, *server, client)) {
    co_return SmtpReply{459, "4.7.1", fmt::format("Node {} not allowed: this client may not ask for its mail", printable(node))};
  }
  std::optional<std::size_t> started;
  if (wakeDomain_) started = co_await wakeDomain_(node);
  env_.log.info("etrn", {{"node", node}, {"client", request.session.client}, {"started", std::uint64_t{started.value_or(0)}}});
  if (!started) co_return SmtpReply{458, "4.3.0", fmt::format("Unable to queue messages for node {}", printable(node))};
  if (*started == 0) co_return SmtpReply{251, "2.0.0", fmt::format("OK, no messages waiting for node {}", printable(node))};
  co_return SmtpReply{253, "2.0.0", fmt::format("OK, {} pending messages for node {} started", *started, printable(node))};
}

/// Who logged in may have the mail of domains whose route names the user, and of no other. RFC 2645 5.2.1.
Task<SmtpReply> Questions::turn(ipc::TurnAround request, UniqueFd connection) {
  const auto identity = co_await identityOf(request.session.token);
  if (!identity) co_return away();
  if (*identity == nullptr) co_return SmtpReply{530, "5.7.0", "Authentication required"};
  policy::Client client{request.session.service, request.session.client, identity->get()};
  const auto isTheirs = [&](const config::RouteRule& rule) {
    config::EtrnRule byLogin = rule.etrn;
    byLogin.from.clear();
    return rule.etrn.hold && policy::mayStart(byLogin, client);
  };
  std::vector<std::string> patterns;
  for (const config::RouteRule& rule : env_.config->routes) {
    if (request.domains.empty() && isTheirs(rule)) patterns.push_back(rule.domain);
  }
  for (const std::string& domain : request.domains) {
    const auto& routes = env_.config->routes;
    const auto rule = std::find_if(routes.begin(), routes.end(), [&](const config::RouteRule& one) {
      return isTheirs(one) && route::matchesDomain(one.domain, domain);
    });
    if (rule == routes.end()) co_return SmtpReply{450, "4.7.1", fmt::format("ATRN request refused: {} is not yours", printable(domain))};
    patterns.push_back(rule->domain);
  }
  if (patterns.empty()) co_return SmtpReply{450, "4.7.1", "ATRN request refused: no domain is yours"};
  const std::string remoteHost = request.session.helo + " [" + request.session.client + "]";
  std::size_t waiting = 0;
  if (turnRound_) waiting = co_await turnRound_(std::move(patterns), std::move(connection), remoteHost);
  env_.log.info("atrn", {{"user", (*identity)->account.address}, {"client", request.session.client}, {"waiting", std::uint64_t{waiting}}});
  if (waiting == 0) co_return SmtpReply{453, "4.0.0", "You have no mail"};
  co_return SmtpReply{250, "2.0.0", "OK now reversing the connection"};
}

}  // namespace ostler::spool
