#include "queued/spool/questions.h"

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"
#include "libmailcore/ipc/lookup.h"
#include "queued/report/report.h"

namespace ostler::spool {

namespace {

bool leadsToAlone(const ipc::Resolution& resolution, std::string_view user) {
  const bool hasOthers = !resolution.remote.empty() || !resolution.files.empty() || !resolution.pipes.empty() || !resolution.nobody.empty();
  return resolution.kind == ipc::Resolution::Kind::local && !hasOthers && resolution.accounts.size() == 1 &&
         isSameAddress(resolution.accounts.front().address, user);
}

const ipc::SmtpReply& awayReply() {
  static const ipc::SmtpReply kAway{451, "4.3.0", "The directory of users does not answer. Try again later"};
  return kAway;
}

policy::Client clientOf(const ipc::SessionInfo& session, const std::shared_ptr<const ipc::Identity>& identity) {
  return {session.service, session.client, identity.get()};
}

/// The address alone of an endpoint's text; empty for a Unix socket.
std::string addressOf(const std::string& endpoint) {
  const Result<net::Endpoint> parsed = net::Endpoint::parse(endpoint);
  return parsed && parsed->unixPath.empty() ? parsed->address.text() : std::string();
}

template <class Reply>
Task<Result<Reply>> asResult(Task<Reply> reply) {
  Reply said = co_await std::move(reply);
  co_return said;
}

}  // namespace

const config::VirtualServer* serverOf(const config::Config& config, const ipc::SessionInfo& session) {
  if (session.service == "local") return &policy::serverOrFirst(config, session.virtualServer);
  return policy::serverNamed(config, session.virtualServer);
}

void Questions::serve(ipc::Server& server) {
  using Connection = std::shared_ptr<ipc::ServerConnection>;
  using Descriptors = std::vector<UniqueFd>;
  server.on<ipc::CheckClient>([this](const Connection&, ipc::CheckClient request, const Descriptors&) {
    return asResult(client(std::move(request.session)));
  });
  server.on<ipc::CheckSender>([this](const Connection&, ipc::CheckSender request, const Descriptors&) {
    return asResult(sender(std::move(request.session), std::move(request.reversePath), request.declaredSize));
  });
  server.on<ipc::CheckRecipient>([this](const Connection&, ipc::CheckRecipient request, const Descriptors&) {
    return asResult(recipient(std::move(request)));
  });
  serveAsks(server);
}

/// To a client whose virtual server the configuration does not have: a reload is on its way, or went wrong.
ipc::SmtpReply Questions::goneReply(const ipc::SessionInfo& session) const {
  env_.log.warn("no-such-server", {{"server", session.virtualServer}, {"client", session.client}, {"session", session.session.text()}});
  return {451, "4.3.0", "This virtual server is being changed. Try again later"};
}

Task<Result<std::shared_ptr<const ipc::Identity>>> Questions::identityOf(std::string token) {
  using Identity = std::shared_ptr<const ipc::Identity>;
  if (token.empty()) co_return Identity();
  Result<Identity> identity = co_await env_.directory.whoIs(std::move(token));
  if (identity && !(*identity)->known) co_return fail(Error::Kind::denied, "the session's login is not known any more");
  co_return identity;
}

/// What a set of checks needs, into the facts. What is known already is not asked again.
Task<void> Questions::lookUp(unsigned needs, policy::Facts& facts, Looking why) {
  using What = ipc::LookUp::What;
  if ((needs & policy::clientName) != 0) {
    ipc::LookedUp name = co_await dns_.ask(What::clientName, addressOf(std::string(facts.client.address)));
    facts.clientName = std::move(name);
  }
  if ((needs & policy::heloHost) != 0) {
    ipc::LookedUp host = co_await dns_.ask(What::hostName, std::string(facts.helo));
    facts.heloHost = std::move(host);
  }
  if ((needs & policy::senderDomain) != 0) {
    ipc::LookedUp domain = co_await dns_.ask(What::mailDomain, route::domainOf(facts.reversePath));
    facts.senderDomain = std::move(domain);
    // Our own domains need not be known to the world: their mail gets here.
    using State = ipc::LookedUp::State;
    if (facts.senderDomain.state == State::no || facts.senderDomain.state == State::nullMx) {
      const auto resolution = co_await env_.directory.resolve(std::string(facts.reversePath));
      if (!resolution || (*resolution)->kind != ipc::Resolution::Kind::remote) facts.senderDomain.state = State::yes;
    }
  }
  if ((needs & policy::senderAlias) != 0) {
    const auto behind = co_await env_.directory.resolve(std::string(facts.reversePath));
    facts.senderCannotBeLookedUp = !behind;
    facts.senderLeadsToUser = behind && leadsToAlone(**behind, facts.client.identity->account.address);
  }
  if ((needs & policy::diskRoom) != 0) facts.diskHasRoom = hasRoom_(facts.declaredSize);
  if ((needs & policy::mailboxFill) != 0) {
    const policy::Fill fill = co_await roomiest(facts.route->locals, facts.declaredSize);
    facts.fill = fill;
  }
  if ((needs & policy::roomNow) != 0) {
    const bool fits = co_await fitsSomewhere(facts.recipients, facts.octets);
    facts.nobodyHasRoom = !fits;
  }
  if ((needs & policy::carrier) != 0) {
    // While nobody can say the mail is taken and waits; only a certain "no", or a list of ours that is lost, refuses.
    Finding finding = co_await env_.verifier.find(*facts.route, std::string(facts.forwardPath));
    if (finding.kind == Finding::Kind::notThere || finding.kind == Finding::Kind::listLost) facts.carrierRefuses = std::move(finding.reply);
  }
  if ((needs & policy::behindAlias) != 0) {
    std::optional<ipc::SmtpReply> refusal = co_await refusalBehind(facts);
    facts.danglingReply = std::move(refusal);
  }
  if ((needs & policy::sending) != 0) {
    const std::string user = facts.client.identity->account.address;
    policy::Amount more = co_await env_.senders.amountOf(user, facts.recipients, facts.server.sending);
    facts.isNewRecipient = more.newRecipients != 0;
    more.recipients += facts.recipientsBefore;
    more.newRecipients += facts.newRecipientsBefore;
    const config::SendingLimits& limits = facts.server.sending;
    facts.sentTooMuch = why == Looking::toDecide ? env_.senders.ask(user, limits, more, env_.now()) : env_.senders.look(user, limits, more, env_.now());
    facts.amount = more;
  }
}

Task<std::optional<ipc::SmtpReply>> Questions::objection(policy::Stage stage, policy::Facts& facts, Thorough thorough) {
  unsigned known = policy::noFact;
  for (const policy::Check& check : policy::allChecks()) {
    if (!policy::isAsked(check, stage, facts) || (thorough == Thorough::again && !check.again)) continue;
    const unsigned missing = check.needs(facts) & ~known;
    if (missing != policy::noFact) co_await lookUp(missing, facts);
    known |= missing;
    std::optional<ipc::SmtpReply> reply = check.judge(facts);
    if (!reply) continue;
    env_.log.of(facts.server.name).info("refused", {{"client", facts.client.address},
                                                    {"user", facts.client.identity == nullptr ? std::string() : facts.client.identity->account.address},
                                                    {"helo", facts.helo},
                                                    {"from", facts.reversePath},
                                                    {"to", facts.forwardPath},
                                                    {"stage", receiving::nameOf(stage)},
                                                    {"check", check.name},
                                                    {"reply", report::oneLine(*reply)}});
    co_return reply;
  }
  co_return std::nullopt;
}

Task<std::vector<Questions::Examined>> Questions::examine(policy::Stage stage, policy::Facts& facts) {
  std::vector<Examined> found;
  for (const policy::Check& check : policy::allChecks()) {
    if (!policy::isAsked(check, stage, facts)) continue;
    co_await lookUp(check.needs(facts), facts, Looking::toExplain);
    found.push_back({&check, check.judge(facts)});
  }
  co_return found;
}

Task<ipc::SmtpReply> Questions::client(ipc::SessionInfo session) {
  const std::shared_ptr<const config::Config> config = env_.config;
  const config::VirtualServer* const server = serverOf(*config, session);
  if (server == nullptr) co_return ipc::SmtpReply{421, "4.3.0", goneReply(session).text};
  policy::Facts facts{*config, *server, clientOf(session, nullptr)};
  co_await lookUp(policy::clientName, facts);  // for the trace field, too
  std::optional<ipc::SmtpReply> refused = co_await objection(policy::Stage::connect, facts, Thorough::all);
  if (refused) co_return std::move(*refused);
  co_return ipc::SmtpReply{220, "", facts.clientName.name};
}

Task<ipc::SmtpReply> Questions::sender(ipc::SessionInfo session, std::string reversePath, std::uint64_t declaredSize,
                                       Thorough thorough) {
  const auto identity = co_await identityOf(session.token);
  if (!identity && identity.error().kind == Error::Kind::denied) {
    co_return ipc::SmtpReply{421, "4.7.0", "Your login has ended: connect and log in again"};
  }
  if (!identity) co_return awayReply();
  const std::shared_ptr<const config::Config> config = env_.config;
  const config::VirtualServer* const server = serverOf(*config, session);
  if (server == nullptr) co_return goneReply(session);
  policy::Facts facts{*config, *server, clientOf(session, *identity)};
  facts.helo = session.helo;
  facts.reversePath = reversePath;
  facts.declaredSize = declaredSize;
  std::optional<ipc::SmtpReply> refused = co_await objection(policy::Stage::mail, facts, thorough);
  if (refused) co_return std::move(*refused);
  // Its domain is judged at RCPT, so that mail for postmaster is past it; meanwhile the client's next command is on its way.
  const std::string domain = route::domainOf(reversePath);
  if (thorough == Thorough::all && facts.server.checkSenderDomain && policy::isStranger(facts) && !domain.starts_with('[')) {
    dns_.begin(ipc::LookUp::What::mailDomain, domain);
  }
  co_return ipc::SmtpReply{250, "2.1.0", "Sender ok"};
}

Task<ipc::RecipientReply> Questions::recipient(ipc::CheckRecipient request) {
  Judged judged = co_await judge(std::move(request), Thorough::all);
  co_return ipc::RecipientReply(std::move(judged.reply), judged.isNew);
}

Task<Questions::Judged> Questions::judge(ipc::CheckRecipient request, Thorough thorough) {
  const ipc::SessionInfo& session = request.session;
  const std::string& forwardPath = request.forwardPath;
  const auto identity = co_await identityOf(session.token);
  if (!identity) co_return Judged{awayReply()};
  const auto resolution = co_await env_.directory.resolve(forwardPath);
  if (!resolution) co_return Judged{awayReply()};
  const std::shared_ptr<const config::Config> config = env_.config;
  const bool isStranger = *identity == nullptr && session.service == "smtp";
  const std::string client = isStranger ? session.client : std::string();
  const route::Route route = route::route(*config, {.forwardPath = forwardPath, .client = client}, **resolution);
  const config::VirtualServer* const server = serverOf(*config, session);
  if (server == nullptr) co_return Judged{goneReply(session)};
  policy::Facts facts{*config, *server, clientOf(session, *identity)};
  facts.helo = session.helo;
  facts.reversePath = request.reversePath;
  facts.forwardPath = forwardPath;
  facts.route = &route;
  facts.recipients.push_back(forwardPath);
  facts.recipientsBefore = request.before;
  facts.newRecipientsBefore = request.newBefore;
  facts.declaredSize = request.declaredSize;
  std::optional<ipc::SmtpReply> refused = co_await objection(policy::Stage::rcpt, facts, thorough);
  co_return Judged{refused ? std::move(*refused) : ipc::SmtpReply{250, "2.1.5", "Recipient ok"}, facts.isForPostmaster(), facts.isNewRecipient, policy::roomOf(facts.fill)};
}

Task<Questions::Opened> Questions::data(ipc::SessionInfo session, ipc::Envelope envelope, std::uint64_t declaredSize) {
  Opened opened;
  opened.reply = co_await sender(session, envelope.reversePath, declaredSize, Thorough::again);
  if (opened.reply.code == 421) opened.reply.code = 451;  // the last word is kept for the next MAIL
  std::vector<std::string> limited;  // mail for postmaster is not
  opened.room = 0;
  for (ipc::Recipient& recipient : envelope.recipients) {
    if (opened.reply.code != 250) co_return opened;
    ipc::CheckRecipient again{session, envelope.reversePath, recipient.forwardPath};
    again.declaredSize = declaredSize;
    Judged judged = co_await judge(std::move(again), Thorough::again);
    opened.reply = std::move(judged.reply);
    // A mailbox that filled up since RCPT: there may be others, and the end of the content is soon enough to say so.
    if (opened.reply.enhanced == "4.2.2" || opened.reply.enhanced == "5.2.2") opened.reply.code = 250;
    opened.room = std::max(opened.room, judged.room);
    if (!judged.forPostmaster) limited.push_back(std::move(recipient.forwardPath));
  }
  const auto identity = co_await identityOf(session.token);
  if (!identity) opened.reply = awayReply();
  if (opened.reply.code != 250) co_return opened;
  if (*identity != nullptr) opened.user = (*identity)->account.address;
  if (limited.empty()) co_return opened;
  const std::shared_ptr<const config::Config> config = env_.config;
  const config::VirtualServer* const server = serverOf(*config, session);
  if (server == nullptr) opened.reply = goneReply(session);
  if (server == nullptr) co_return opened;
  policy::Facts facts{*config, *server, clientOf(session, *identity)};
  facts.helo = session.helo;
  facts.reversePath = envelope.reversePath;
  facts.declaredSize = declaredSize;
  facts.recipients = std::move(limited);
  std::optional<ipc::SmtpReply> refused = co_await objection(policy::Stage::data, facts, Thorough::all);
  if (refused) opened.reply = std::move(*refused);
  const bool counts = !refused && !opened.user.empty() && facts.server.sending != config::SendingLimits{};
  if (!counts) co_return opened;
  opened.counted = facts.amount;
  env_.senders.count(opened.user, opened.counted, facts.recipients, env_.now());
  co_return opened;
}

Task<ipc::SmtpReply> Questions::endOfData(ipc::SessionInfo session, const ipc::Envelope& envelope, Content content) {
  const std::shared_ptr<const config::Config> config = env_.config;
  const config::VirtualServer* const server = serverOf(*config, session);
  if (server == nullptr) co_return goneReply(session);
  policy::Facts facts{*config, *server, clientOf(session, nullptr)};
  facts.helo = session.helo;
  facts.reversePath = envelope.reversePath;
  for (const ipc::Recipient& recipient : envelope.recipients) facts.recipients.push_back(recipient.forwardPath);
  if (facts.recipients.size() == 1) facts.forwardPath = facts.recipients.front();  // for the log
  facts.head = content.head;
  facts.octets = content.octets;
  facts.roomBefore = content.room;
  std::optional<ipc::SmtpReply> refused = co_await objection(policy::Stage::endOfData, facts, Thorough::all);
  if (refused) co_return std::move(*refused);
  co_return ipc::SmtpReply{250, "2.0.0", "OK"};
}

}  // namespace ostler::spool
