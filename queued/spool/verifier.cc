#include "queued/spool/verifier.h"

#include <fmt/format.h>

#include "libmailcore/base/ascii.h"
#include "queued/report/report.h"

namespace ostler::spool {

namespace {

constexpr std::chrono::seconds kCallAheadTime{20};
constexpr std::size_t kMostFindings = 200'000;

using Kind = Finding::Kind;

/// How long an answer is not asked for again, and how long it counts while nobody answers.
struct Lifetimes {
  std::chrono::seconds fresh;
  std::chrono::seconds counts;
};
Lifetimes lifetimesOf(Kind kind) {
  switch (kind) {
    case Kind::there: return {std::chrono::minutes(30), std::chrono::hours(7 * 24)};
    case Kind::notThere: return {std::chrono::minutes(2), std::chrono::hours(1)};  // a new user is reachable soon
    case Kind::cannotSay:
    case Kind::listLost: break;  // never kept
  }
  return {std::chrono::seconds(5), std::chrono::seconds(5)};
}

ipc::SmtpReply noSuchUser(std::string_view forwardPath, std::string_view who) {
  return {550, "5.1.1", fmt::format("There is no mailbox {}, says {}. Check the address for typing errors", forwardPath, who)};
}

/// RFC 5321 3.5.3: only these are a word about the address; others say that the question was not liked.
bool saysNo(const ipc::AskRecipient::How how, const ipc::SmtpReply& reply) {
  if (how == ipc::AskRecipient::How::vrfy) return reply.code == 550 || reply.code == 551 || reply.code == 553;
  return reply.code == 550 || reply.code == 551 || reply.code == 553 || reply.code == 554 || reply.code == 556;
}

bool saysYes(const ipc::AskRecipient::How how, const ipc::SmtpReply& reply) {
  if (how == ipc::AskRecipient::How::vrfy) return reply.code == 250 || reply.code == 251;
  return reply.code / 100 == 2;
}

}  // namespace

void Verifier::use(std::shared_ptr<const config::Config> config, route::RecipientFiles files) {
  config_ = std::move(config);
  files_ = std::move(files);
}

Task<Finding> Verifier::find(route::Route route, std::string forwardPath) {
  Finding there;
  const std::shared_ptr<const config::Config> config = config_;  // the rule is its
  if (route.kind == route::Route::Kind::peers) {
    Finding finding = co_await askPeers(route.rule, std::move(forwardPath));
    co_return finding;
  }
  if (route.rule == nullptr || !route.rule->relay) co_return there;
  const route::Listed listed = route::isListed(*route.rule, files_, forwardPath, config->directory.tagSeparator);
  if (listed == route::Listed::unreadable) {
    there.kind = Kind::listLost;
    there.how = "the list of recipients " + route.rule->recipientsFile + " could not be read";
    there.reply = {451, "4.3.0", "Who has a mailbox there cannot be found out now. Try again later"};
    co_return there;
  }
  if (listed != route::Listed::noList) {
    there.how = listed == route::Listed::yes ? "listed as a recipient" : "not among the listed recipients";
    if (listed == route::Listed::no) {
      there.kind = Kind::notThere;
      there.reply = {550, "5.1.1", fmt::format("There is no mailbox {} behind this server. Check the address for typing errors", forwardPath)};
    }
    co_return there;
  }
  if (!route.rule->callAhead || route.kind != route::Route::Kind::remote) co_return there;
  Finding finding = co_await ask({route.nextHop, ipc::AskRecipient::How::rcpt, std::move(forwardPath)});
  // Nobody can say: this is what a backup is for. The mail is taken.
  if (finding.kind == Kind::cannotSay) {
    finding.kind = Kind::there;
    finding.reply = there.reply;
    finding.how += "; taken, since nobody can say";
  }
  co_return finding;
}

Task<Finding> Verifier::ask(Question question) {
  const std::string key = (question.how == ipc::AskRecipient::How::vrfy ? "vrfy " : "rcpt ") + question.nextHop.key() + " " +
                          asciiLower(question.forwardPath);
  const SteadyTime now = std::chrono::steady_clock::now();
  const auto kept = kept_.find(key);
  if (kept != kept_.end() && now < kept->second.fresh) {
    Finding known = kept->second.finding;
    known.how += " (kept)";
    co_return known;
  }
  ipc::AskRecipient request;
  request.nextHop = question.nextHop;
  request.how = question.how;
  request.heloName = config_->outbound.heloName.empty() ? config_->hostName : config_->outbound.heloName;
  request.forwardPath = question.forwardPath;
  const Result<ipc::AskedRecipient> answer = co_await out_.call(std::move(request), Deadline::after(kCallAheadTime));
  const ipc::SmtpReply said = answer ? answer->reply : ipc::SmtpReply{451, "4.3.0", "The sending process does not answer"};
  const std::string who = answer && !answer->remoteHost.empty() ? answer->remoteHost : question.nextHop.key();
  Finding finding;
  finding.how = who + " said: " + report::oneLine(said);
  const bool asked = answer && answer->asked;
  if (asked && saysYes(question.how, said)) {
    finding.kind = Kind::there;
  } else if (asked && saysNo(question.how, said)) {
    finding.kind = Kind::notThere;
    finding.reply = noSuchUser(question.forwardPath, who);
  } else {
    finding.kind = Kind::cannotSay;
    finding.reply = {451, "4.4.1", fmt::format("Whether there is a mailbox {} cannot be found out now: {}", question.forwardPath, finding.how)};
    const auto old = kept_.find(key);
    if (old != kept_.end() && old->second.finding.kind != Kind::cannotSay && now < old->second.until) {
      Finding known = old->second.finding;
      known.how = fmt::format("{}; it said earlier: {}", finding.how, known.how);
      co_return known;
    }
  }
  log_.debug("asked", {{"to", question.forwardPath}, {"host", who}, {"reply", report::oneLine(said)}});
  keep(key, finding);
  co_return finding;
}

void Verifier::keep(const std::string& key, const Finding& finding) {
  if (kept_.size() >= kMostFindings) kept_.clear();
  const SteadyTime now = std::chrono::steady_clock::now();
  const Lifetimes lifetimes = lifetimesOf(finding.kind);
  kept_[key] = {finding, now + lifetimes.fresh, now + lifetimes.counts};
}

/// One that has it ends the search. While one that might have it is down, the others' "no" proves nothing.
Task<Finding> Verifier::askPeers(const config::RouteRule* rule, std::string forwardPath) {
  const std::shared_ptr<const config::Config> config = config_;
  Finding none;
  none.kind = Kind::notThere;
  none.reply = {550, "5.1.1", fmt::format("There is no mailbox {} on any of this domain's servers. Check the address for typing errors", forwardPath)};
  for (const net::Endpoint& peer : rule->peers) {
    Question question{route::toPeer(*rule, peer), ipc::AskRecipient::How::vrfy, forwardPath};
    const ipc::NextHop hop = question.nextHop;
    Finding finding = co_await ask(std::move(question));
    if (finding.kind == Kind::there) {
      finding.peer = hop;
      co_return finding;
    }
    none.how += (none.how.empty() ? "" : "; ") + finding.how;
    if (finding.kind == Kind::cannotSay && none.kind != Kind::cannotSay) {
      none.kind = Kind::cannotSay;
      none.reply = finding.reply;
    }
  }
  co_return none;
}

}  // namespace ostler::spool
