// explain.cc - `ostler explain`: why this sender may or may not send to this recipient, and where the mail goes, told by the live
// spool with the configuration it runs on.
#include <fmt/format.h>
#include <sysexits.h>

#include <algorithm>

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

/// A check with what it says: "rcpt: check relay (RFC 5321 3.6.2): no objection".
std::string told(receiving::Stage stage, std::string_view check, std::string_view writtenIn, const std::string& objection) {
  return fmt::format("{}: check {} ({}): {}", receiving::nameOf(stage), check, writtenIn, objection.empty() ? "no objection" : objection);
}

/// The header of a message that came by so many servers, with our own trace field in front.
std::string headOf(std::size_t hops) {
  std::string head = "Received: by us\r\n";
  for (std::size_t hop = 0; hop < hops; ++hop) head += "Received: by somebody\r\n";
  return head + "\r\n";
}

/// Where the client is said to stand, and who it has logged in as.
struct Asker {
  std::string client;
  Result<net::IpAddress> address;
  ipc::Identity identity;
  [[nodiscard]] std::string endpoint() const { return address ? net::Endpoint{*address, 25, {}}.text() : client; }
};

/// One dialogue that is not held: what each check would say, in the order in which they are asked.
class Explanation {
 public:
  Explanation(spool::Environment& env, spool::Questions& questions, const Arguments& arguments, Asker asker, std::vector<std::string> steps)
      : env_(env),
        questions_(questions),
        asker_(std::move(asker)),
        endpoint_(asker_.endpoint()),
        from_(arguments.value("--from")),
        to_(arguments.value("--to")),
        helo_(arguments.value("--helo")),
        server_(policy::serverOrFirst(*config_, arguments.value("--server"))),
        asking_{isKnown() ? "submission" : "smtp", endpoint_, isKnown() ? &asker_.identity : nullptr},
        hops_(parseDecimal(arguments.value("--hops"), kMostHops).value_or(0)),
        head_(headOf(hops_)),
        steps_(std::move(steps)) {
    facts_.helo = helo_;
    facts_.reversePath = from_;
    facts_.forwardPath = to_;
    facts_.recipients.push_back(to_);
    facts_.declaredSize = parseDecimal(arguments.value("--size"), kMostTold).value_or(0);
    facts_.head = head_;
  }
  Explanation(const Explanation&) = delete;
  Explanation& operator=(const Explanation&) = delete;

  [[nodiscard]] Task<void> sender() {
    for (const Stage stage : {Stage::connect, Stage::greeting, Stage::command, Stage::mail}) co_await ask(stage, senderReply_);
    steps_.push_back(fmt::format("MAIL FROM:<{}>: {}", from_, report::oneLine(senderReply_)));
  }

  [[nodiscard]] Task<void> recipient(std::shared_ptr<const ipc::Resolution> resolution) {
    const std::string stranger = isKnown() ? std::string() : endpoint_;
    route_ = route::route(*config_, {.forwardPath = to_, .reversePath = from_, .client = stranger}, *resolution, &steps_);
    facts_.route = &route_;
    if (!facts_.isForPostmaster()) recipientReply_ = keptBack_;
    co_await ask(Stage::rcpt, recipientReply_);
    if (recipientReply_.code == 250 && route_.kind != route::Route::Kind::local) co_await verify();
    if (route_.rule != nullptr && route_.rule->etrn.hold) steps_.emplace_back("held until the domain's server asks with ETRN");
    for (const std::string& relay : route_.nextHop.fallbacks) steps_.push_back("fallback relay, when none of its hosts can be reached: " + relay);
    steps_.push_back(fmt::format("virtual server \"{}\" ({}): {} relay", server_.name, server_.place.text(),
                                 relays() ? "this client may" : "this client may not"));
    steps_.push_back(fmt::format("RCPT TO:<{}>: {}", to_, report::oneLine(recipientReply_)));
  }

  [[nodiscard]] Task<void> content() {
    for (const Stage stage : {Stage::data, Stage::endOfData}) co_await ask(stage, contentReply_);
    steps_.push_back(fmt::format("DATA: {}", report::oneLine(contentReply_)));
  }

  [[nodiscard]] std::string text() const {
    std::string out;
    for (const std::string& step : steps_) out += "  " + step + "\n";
    return out + "goes to: " + where(route_) + "\n";
  }

  [[nodiscard]] std::string json() const {
    const bool isAccepted = senderReply_.code == 250 && recipientReply_.code == 250 && contentReply_.code == 250;
    std::string out = fmt::format(R"({{"from":{},"to":{},"accepted":{},"reply":{},"goesTo":{},"steps":[)", jsonString(from_), jsonString(to_), isAccepted,
                                  jsonString(report::oneLine(recipientReply_)), jsonString(where(route_)));
    for (std::size_t at = 0; at < steps_.size(); ++at) out += (at == 0 ? "" : ",") + jsonString(steps_[at]);
    return out + "]}\n";
  }

 private:
  [[nodiscard]] bool isKnown() const { return asker_.identity.known; }

  /// Both lists of a stage in the order in which they are asked, smtpd's and then ours. The first objection takes the place of a good
  /// `reply`; where a check gives way to mail for postmaster, of the reply to the recipient.
  [[nodiscard]] Task<void> ask(Stage stage, ipc::SmtpReply& reply) {
    for (const receiving::Check& check : receiving::allChecks()) {
      if (check.stage != stage) continue;
      const std::optional<smtp::Reply> said = check.judge(visit());
      steps_.push_back(told(stage, check.name, check.writtenIn, said ? said->oneLine() : ""));
      ipc::SmtpReply& heard = check.givesWay ? keptBack_ : reply;
      if (said && heard.code == 250) heard = {static_cast<std::uint16_t>(said->code), said->enhanced, said->text};
    }
    const std::vector<spool::Questions::Examined> examined = co_await questions_.examine(stage, facts_);
    for (const spool::Questions::Examined& one : examined) {
      std::string step = told(stage, one.check->name, one.check->writtenIn, one.reply ? report::oneLine(*one.reply) : "");
      const bool isTold = std::ranges::find(steps_, step) != steps_.end();  // hop_limit is on both lists
      if (!isTold) steps_.push_back(std::move(step));
      if (one.reply && reply.code == 250) reply = *one.reply;
    }
  }

  /// To anybody? By its name as well, where that was asked for on the way here.
  [[nodiscard]] bool relays() const {
    return policy::mayRelay(server_, asking_) || (!isKnown() && policy::isNamed(server_.relayFromNames, facts_.clientName.name));
  }

  /// As smtpd sees the client.
  [[nodiscard]] receiving::Visit visit() {
    return {.server = server_,
            .kind = isKnown() ? config::SmtpKind::submission : config::SmtpKind::mx,
            .client = asker_.address ? &*asker_.address : nullptr,
            .tls = true,
            .authenticated = isKnown(),
            .helo = helo_,
            .hostName = hostName_,
            .accountMessageSize = asker_.identity.account.messageSize,
            .content = {.octets = facts_.declaredSize, .bareLineEnd = false, .received = hops_},
            .rates = rates_,
            .now = std::chrono::steady_clock::now()};
  }

  /// Asks the server that has the recipient, where the configuration wants it.
  [[nodiscard]] Task<void> verify() {
    const spool::Finding finding = co_await env_.verifier.find(route_, to_);
    if (!finding.how.empty()) steps_.push_back("recipient: " + finding.how);
    if (finding.kind == spool::Finding::Kind::notThere || finding.kind == spool::Finding::Kind::listLost) recipientReply_ = finding.reply;
    if (!finding.peer) co_return;
    route_.kind = route::Route::Kind::remote;
    route_.nextHop = *finding.peer;
  }

  spool::Environment& env_;
  spool::Questions& questions_;
  std::shared_ptr<const config::Config> config_ = env_.config;
  Asker asker_;
  std::string endpoint_;
  std::string from_;
  std::string to_;
  std::string helo_;
  const config::VirtualServer& server_;
  std::string hostName_ = config_->hostNameOf(server_);
  policy::Client asking_;
  std::size_t hops_;
  std::string head_;
  policy::Facts facts_{*config_, server_, asking_};
  receiving::Rates rates_;
  route::Route route_;
  ipc::SmtpReply senderReply_{250, "2.1.0", "Sender ok"};
  ipc::SmtpReply recipientReply_{250, "2.1.5", "Recipient ok"};
  ipc::SmtpReply keptBack_ = recipientReply_;  // what every recipient but postmaster will hear
  ipc::SmtpReply contentReply_{250, "2.0.0", "Content ok"};
  std::vector<std::string> steps_;
};

}  // namespace

Task<Control::Reply> Control::explain(Arguments arguments, std::string) {
  if (arguments.value("--to").empty()) co_return refuse(EX_USAGE, "explain needs --to ADDRESS");
  const std::string server = arguments.value("--server");
  if (!server.empty() && policy::serverNamed(*env_.config, server) == nullptr) co_return refuse(EX_USAGE, "there is no virtual server " + jsonString(server));
  const std::string client = arguments.value("--client").empty() ? "203.0.113.1" : arguments.value("--client");
  const std::string user = arguments.value("--auth");
  Asker asker{client, net::IpAddress::parse(client), {}};
  std::vector<std::string> steps;
  if (!user.empty()) {
    const auto resolved = co_await env_.directory.resolve(user);
    ipc::Identity& identity = asker.identity;
    identity.known = resolved && (*resolved)->kind == ipc::Resolution::Kind::local && !(*resolved)->accounts.empty();
    if (identity.known) identity.account = (*resolved)->accounts.front();
    identity.addresses.push_back(user);
    steps.push_back(identity.known ? "authenticated as " + identity.account.address : user + " is not known here: taken as not authenticated");
  }
  Explanation explanation(env_, questions_, arguments, std::move(asker), std::move(steps));
  co_await explanation.sender();
  const auto resolution = co_await env_.directory.resolve(arguments.value("--to"));
  if (!resolution) co_return refuse(EX_TEMPFAIL, "the directory does not answer: " + resolution.error().detail);
  co_await explanation.recipient(*resolution);
  co_await explanation.content();
  Reply reply;
  reply.output = arguments.has("--json") ? explanation.json() : explanation.text();
  co_return reply;
}

}  // namespace ostler::control
