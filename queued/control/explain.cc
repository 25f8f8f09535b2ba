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

using receiving::Stage;

constexpr std::uint64_t kMostTold = 1ULL << 50;  // octets
constexpr std::uint64_t kMostHops = 1000;

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
std::string told(receiving::Stage stage, std::string_view check, std::string_view writtenIn, const std::string& objection) {
  return fmt::format("{}: check {} ({}): {}", receiving::nameOf(stage), check, writtenIn, objection.empty() ? "no objection" : objection);
}

/// Both lists of a stage in the order in which they are asked, smtpd's and then ours. What each check says goes to `steps`; the first
/// objection takes the place of a good `reply`.
Task<void> ask(spool::Questions& questions, receiving::Stage stage, const receiving::Visit& visit, policy::Facts& facts,
               ipc::SmtpReply& reply, std::vector<std::string>& steps) {
  for (const receiving::Check& check : receiving::allChecks()) {
    if (check.stage != stage) continue;
    const std::optional<smtp::Reply> said = check.judge(visit);
    steps.push_back(told(stage, check.name, check.writtenIn, said ? said->oneLine() : ""));
    if (said && reply.code == 250) reply = {static_cast<std::uint16_t>(said->code), said->enhanced, said->text};
  }
  const std::vector<spool::Questions::Examined> examined = co_await questions.examine(stage, facts);
  for (const spool::Questions::Examined& one : examined) {
    steps.push_back(told(stage, one.check->name, one.check->writtenIn, one.reply ? report::oneLine(*one.reply) : ""));
    if (one.reply && reply.code == 250) reply = *one.reply;
  }
}

/// The header of a message that came by so many servers, with our own trace field in front.
std::string headOf(std::size_t hops) {
  std::string head = "Received: by us\r\n";
  for (std::size_t hop = 0; hop < hops; ++hop) head += "Received: by somebody\r\n";
  return head + "\r\n";
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
  facts.declaredSize = parseDecimal(arguments.value("--size"), kMostTold).value_or(0);
  const std::size_t hops = parseDecimal(arguments.value("--hops"), kMostHops).value_or(0);
  const std::string head = headOf(hops);
  facts.head = head;
  receiving::Rates rates;
  const receiving::Visit visit{.server = server,
                               .kind = identity.known ? config::SmtpKind::submission : config::SmtpKind::mx,
                               .client = address ? &*address : nullptr,
                               .tls = true,
                               .authenticated = identity.known,
                               .helo = helo,
                               .hostName = config->hostNameOf(server),
                               .accountMessageSize = identity.account.messageSize,
                               .content = {.octets = facts.declaredSize, .bareLineEnd = false, .received = hops},
                               .rates = rates,
                               .now = std::chrono::steady_clock::now()};
  ipc::SmtpReply senderReply{250, "2.1.0", "Sender ok"};
  for (const Stage stage : {Stage::connect, Stage::greeting, Stage::helo, Stage::mail}) {
    if (stage != Stage::helo || !helo.empty()) co_await ask(questions_, stage, visit, facts, senderReply, steps);
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
  co_await ask(questions_, Stage::rcpt, visit, facts, recipientReply, steps);
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
  ipc::SmtpReply contentReply{250, "2.0.0", "Content ok"};
  for (const Stage stage : {Stage::data, Stage::endOfData}) co_await ask(questions_, stage, visit, facts, contentReply, steps);
  steps.push_back(fmt::format("DATA: {}", report::oneLine(contentReply)));
  if (arguments.has("--json")) {
    reply.output = fmt::format(R"({{"from":{},"to":{},"accepted":{},"reply":{},"goesTo":{},"steps":[)", jsonString(from), jsonString(to),
                               senderReply.code == 250 && recipientReply.code == 250 && contentReply.code == 250, jsonString(report::oneLine(recipientReply)),
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
