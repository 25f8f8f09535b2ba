// explain.cc - `ostler explain`: why this sender may or may not send to this recipient, and where the mail goes, told by the live
// spool with the configuration it runs on.
#include <fmt/format.h>
#include <sysexits.h>

#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/receiving/checks.h"
#include "queued/control/control.h"
#include "queued/control/listing.h"
#include "queued/report/report.h"

namespace ostler::control {

namespace {

std::string where(const route::Route& route) {
  switch (route.kind) {
    case route::Route::Kind::local: {
      std::string text;
      for (const route::LocalTarget& target : route.locals) {
        text += fmt::format("{}mailbox {}{}", text.empty() ? "" : ", ", target.account.address,
                            target.mailbox.empty() ? "" : " folder " + target.mailbox);
      }
      for (const std::string& target : route.expansion) text += fmt::format("{}alias target {}", text.empty() ? "" : ", ", target);
      return text;
    }
    case route::Route::Kind::remote: return "next hop " + route.nextHop.key();
    case route::Route::Kind::peers: return "the peer that has the user";
    case route::Route::Kind::drop: return "the drop folder";
    case route::Route::Kind::file: return "a file";
    case route::Route::Kind::pipe: return "a program";
    case route::Route::Kind::reject: return "refused: " + report::oneLine(route.reply);
  }
  return {};
}

using Asked = spool::Questions::Examined;

/// A check with what it says: "rcpt: check relay (RFC 5321 3.6.2): no objection".
std::string told(const Asked& one) {
  return fmt::format("{}: check {} ({}): {}", policy::nameOf(one.check->stage), one.check->name, one.check->writtenIn,
                     one.reply ? report::oneLine(*one.reply) : "no objection");
}

/// What smtpd itself would say at a step, of a client that came over TLS and is here for the first time today.
std::vector<std::string> toldBySmtpd(receiving::Stage stage, const receiving::Visit& visit, ipc::SmtpReply& reply) {
  std::vector<std::string> steps;
  for (const receiving::Check& check : receiving::allChecks()) {
    if (check.stage != stage) continue;
    const std::optional<smtp::Reply> said = check.judge(visit);
    steps.push_back(fmt::format("{}: check {} ({}): {}", receiving::nameOf(stage), check.name, check.writtenIn, said ? said->oneLine() : "no objection"));
    if (said && reply.code / 100 == 2) reply = {static_cast<std::uint16_t>(said->code), said->enhanced, said->text};
  }
  return steps;
}

}  // namespace

Task<Control::Reply> Control::explain(Arguments arguments, std::string) {
  Reply reply;
  const std::shared_ptr<const config::Config> config = env_.config;
  const std::string from = arguments.value("--from");
  const std::string to = arguments.value("--to");
  if (to.empty()) {
    reply.exitCode = EX_USAGE;
    reply.error = "explain needs --to ADDRESS";
    co_return reply;
  }
  const std::string client = arguments.value("--client").empty() ? "203.0.113.1" : arguments.value("--client");
  const std::string user = arguments.value("--auth");
  const std::string helo = arguments.value("--helo");
  std::vector<std::string> steps;
  ipc::Identity identity;
  if (!user.empty()) {
    const auto resolved = co_await env_.directory.resolve(user);
    identity.known = resolved && (*resolved)->kind == ipc::Resolution::Kind::local && !(*resolved)->accounts.empty();
    if (identity.known) identity.account = (*resolved)->accounts.front();
    identity.addresses.push_back(user);
    steps.push_back(identity.known ? "authenticated as " + identity.account.address : user + " is not known here: taken as not authenticated");
  }
  const Result<net::IpAddress> address = net::IpAddress::parse(client);
  const std::string asked = address ? net::Endpoint{*address, 25, {}}.text() : client;
  const policy::Client asking{identity.known ? "submission" : "smtp", asked, identity.known ? &identity : nullptr};
  const config::VirtualServer& server = policy::serverOf(*config, arguments.value("--server"));
  policy::Facts facts{*config, server, asking};
  facts.helo = helo;
  facts.reversePath = from;
  facts.forwardPath = to;
  facts.recipients.push_back(to);
  receiving::Rates rates;
  const receiving::Visit visit{.server = server,
                               .kind = identity.known ? config::SmtpKind::submission : config::SmtpKind::mx,
                               .client = address ? &*address : nullptr,
                               .tls = true,
                               .authenticated = identity.known,
                               .rates = rates,
                               .now = std::chrono::steady_clock::now()};
  const auto bySmtpd = [&](receiving::Stage stage, ipc::SmtpReply& to) {
    for (std::string& step : toldBySmtpd(stage, visit, to)) steps.push_back(std::move(step));
  };
  ipc::SmtpReply senderReply{250, "2.1.0", "Sender ok"};
  for (const policy::Stage stage : {policy::Stage::connect, policy::Stage::helo, policy::Stage::mail}) {
    if (stage == policy::Stage::helo && helo.empty()) continue;
    if (stage == policy::Stage::connect) bySmtpd(receiving::Stage::connect, senderReply);
    if (stage == policy::Stage::mail) bySmtpd(receiving::Stage::mail, senderReply);
    const std::vector<Asked> examined = co_await questions_.examine(stage, facts);
    for (const Asked& one : examined) {
      steps.push_back(told(one));
      if (one.reply && senderReply.code == 250) senderReply = *one.reply;
    }
  }
  steps.push_back(fmt::format("MAIL FROM:<{}>: {}", from, report::oneLine(senderReply)));
  const auto resolution = co_await env_.directory.resolve(to);
  if (!resolution) {
    reply.exitCode = EX_TEMPFAIL;
    reply.error = "the directory does not answer: " + resolution.error().detail;
    co_return reply;
  }
  const std::string stranger = identity.known ? std::string() : asked;
  route::Route route = route::route(*config, {.forwardPath = to, .reversePath = from, .client = stranger}, **resolution, &steps);
  facts.route = &route;
  ipc::SmtpReply recipientReply{250, "2.1.5", "Recipient ok"};
  bySmtpd(receiving::Stage::rcpt, recipientReply);
  const std::vector<Asked> examined = co_await questions_.examine(policy::Stage::rcpt, facts);
  for (const Asked& one : examined) {
    steps.push_back(told(one));
    if (one.reply && recipientReply.code == 250) recipientReply = *one.reply;
  }
  if (recipientReply.code == 250 && route.kind != route::Route::Kind::local) {
    const spool::Finding finding = co_await env_.verifier.find(route, to);
    if (!finding.how.empty()) steps.push_back("recipient: " + finding.how);
    if (finding.kind == spool::Finding::Kind::notThere) recipientReply = finding.reply;
    if (finding.peer) {
      route.kind = route::Route::Kind::remote;
      route.nextHop = *finding.peer;
    }
  }
  if (route.rule != nullptr && route.rule->etrn.hold) steps.push_back("held until the domain's server asks with ETRN");
  for (const std::string& relay : route.nextHop.fallbacks) steps.push_back("fallback relay, when none of its hosts can be reached: " + relay);
  steps.push_back(fmt::format("virtual server \"{}\" ({}): {} relay", server.name, server.place.text(),
                              policy::mayRelay(server, asking) ? "this client may" : "this client may not"));
  steps.push_back(fmt::format("RCPT TO:<{}>: {}", to, report::oneLine(recipientReply)));
  if (arguments.has("--json")) {
    reply.output = fmt::format(R"({{"from":{},"to":{},"accepted":{},"reply":{},"goesTo":{},"steps":[)", jsonString(from), jsonString(to),
                               senderReply.code == 250 && recipientReply.code == 250, jsonString(report::oneLine(recipientReply)),
                               jsonString(where(route)));
    for (std::size_t at = 0; at < steps.size(); ++at) reply.output += (at == 0 ? "" : ",") + jsonString(steps[at]);
    reply.output += "]}\n";
  } else {
    for (const std::string& step : steps) reply.output += "  " + step + "\n";
    reply.output += "goes to: " + where(route) + "\n";
  }
  co_return reply;
}

}  // namespace ostler::control
