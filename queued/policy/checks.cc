#include "queued/policy/checks.h"

#include <algorithm>
#include <array>

#include "libmailcore/base/ascii.h"

namespace ostler::policy {
namespace {

constexpr std::size_t kMostMailboxes = 100;  ///< of one recipient

unsigned nothing(const Facts&) { return noFact; }
unsigned nameForAccess(const Facts& f) {
  return f.server.accessOnly.names.empty() && f.server.accessExcept.names.empty() ? noFact : clientName;
}
unsigned nameWhereChecked(const Facts& f) { return f.server.checkReverseDns && isStranger(f) ? clientName : noFact; }
unsigned heloWhereChecked(const Facts& f) {
  const bool looks = f.server.checkHelo && isStranger(f) && !f.helo.empty() && !f.helo.starts_with('[');
  return looks ? heloHost : noFact;
}
bool isOurs(const Facts& f) { return f.client.identity != nullptr && f.client.identity->known; }
unsigned domainOfStrangers(const Facts& f) {
  const bool looks = f.server.checkSenderDomain && !f.reversePath.empty() && isStranger(f) && !route::domainOf(f.reversePath).starts_with('[');
  return looks ? senderDomain : noFact;
}
unsigned aliasWhereNotOwn(const Facts& f) {
  const bool looks = isOurs(f) && !f.reversePath.empty() && f.server.senderRule != config::SenderRule::own &&
                     !mayUse(f.server.senderRule, *f.client.identity, f.reversePath, f.config.directory.tagSeparator);
  return looks ? senderAlias : noFact;
}
unsigned disk(const Facts&) { return diskRoom; }
unsigned nameForRelay(const Facts& f) {
  const bool looks = !f.server.relayFromNames.empty() && f.client.service == "smtp" && !isOurs(f) && f.route != nullptr &&
                     f.route->kind != route::Route::Kind::local;
  return looks ? clientName : noFact;
}
unsigned carrierOfOthers(const Facts& f) {
  return f.route != nullptr && f.route->kind != route::Route::Kind::local ? carrier : noFact;
}
unsigned behindWhatLeadsElsewhere(const Facts& f) {
  const bool leadsElsewhere = f.route != nullptr && f.route->kind == route::Route::Kind::local && f.route->locals.empty();
  return leadsElsewhere ? behindAlias : noFact;
}
unsigned fillWhereLimited(const Facts& f) { return f.route != nullptr && hasLimitedRoom(*f.route) ? mailboxFill : noFact; }
unsigned roomWhereItMayLack(const Facts& f) { return f.octets > f.roomBefore ? roomNow : noFact; }

unsigned sentByUser(const Facts& f) { return isOurs(f) ? sending : noFact; }

constexpr std::array kChecks = {
    //    name               stage             judge                needs              again  even postmaster  written in
    Check{"access_name",     Stage::connect,   &accessName,         &nameForAccess,    false, true,  "RFC 5321 3.1"},
    Check{"submission_login",Stage::mail,      &submissionLogin,    &nothing,          true,  true,  "RFC 6409 4.3"},
    Check{"message_size",    Stage::mail,      &messageSize,        &nothing,          true,  true,  "RFC 1870 6.1"},
    Check{"sender_owner",    Stage::mail,      &senderOwner,        &aliasWhereNotOwn, true,  true,  "RFC 6409 6.1"},
    Check{"disk_floor",      Stage::mail,      &diskFloor,          &disk,             false, true,  "RFC 3463 3.4"},
    Check{"nowhere",         Stage::rcpt,      &nowhere,            &nothing,          true,  true,  "RFC 5321 3.3"},
    Check{"relay",           Stage::rcpt,      &relay,              &nameForRelay,     true,  true,  "RFC 5321 3.6.2"},
    Check{"reverse_dns",     Stage::rcpt,      &reverseDns,         &nameWhereChecked, false, false, "RFC 1912 2.1"},
    Check{"helo_name",       Stage::rcpt,      &heloName,           &heloWhereChecked, false, false, "RFC 5321 4.1.4"},
    Check{"sender_domain",   Stage::rcpt,      &senderDomainExists, &domainOfStrangers,false, false, "RFC 7505 4.2"},
    Check{"sending_limits",  Stage::rcpt,      &sendingLimits,      &sentByUser,       false, false, "RFC 3463 3.8"},
    Check{"dangling_alias",  Stage::rcpt,      &danglingAlias,      &behindWhatLeadsElsewhere, false, false, "RFC 5321 3.9"},
    Check{"call_ahead",      Stage::rcpt,      &callAhead,          &carrierOfOthers,  true,  false, "RFC 5321 3.6.2"},
    Check{"mailbox_room",    Stage::rcpt,      &mailboxRoom,        &fillWhereLimited, true,  true,  "RFC 3463 3.3"},
    Check{"sending_limits",  Stage::data,      &sendingLimits,      &sentByUser,       true,  true,  "RFC 3463 3.8"},
    Check{"hop_limit",       Stage::endOfData, &hopLimit,           &nothing,          true,  true,  "RFC 5321 6.3"},
    Check{"content_room",    Stage::endOfData, &contentRoom,        &roomWhereItMayLack, true, true, "RFC 3463 3.3"},
};

}  // namespace

std::span<const Check> allChecks() { return kChecks; }

bool hasLimitedRoom(const route::Route& route) {
  const bool isMailboxes = route.kind == route::Route::Kind::local && route.expansion.empty() && !route.locals.empty();
  return isMailboxes && route.locals.size() <= kMostMailboxes && std::ranges::all_of(route.locals, [](const route::LocalTarget& target) {
    return target.account.quotaOctets != 0 || target.account.quotaMessages != 0;
  });
}

bool isAsked(const Check& check, Stage stage, const Facts& facts) {
  return check.stage == stage && (check.evenPostmaster || !facts.isForPostmaster());
}

bool Facts::isForPostmaster() const {
  if (route == nullptr || route->kind != route::Route::Kind::local) return false;
  return equalsIgnoreCase(forwardPath.substr(0, forwardPath.rfind('@')), "postmaster");
}

bool isStranger(const Facts& facts) {
  const Result<net::Endpoint> endpoint = net::Endpoint::parse(facts.client.address);
  const bool isFar = endpoint && endpoint->unixPath.empty();
  return facts.client.service == "smtp" && !isOurs(facts) && isFar && !isListed(facts.server.relayFrom, facts.client.address);
}

bool isNamed(const std::vector<std::string>& names, std::string_view name) {
  if (name.empty()) return false;
  const std::string lower = asciiLower(name);
  for (const std::string& wanted : names) {
    if (wanted.starts_with('.') ? lower.ends_with(asciiLower(wanted)) : lower == asciiLower(wanted)) return true;
  }
  return false;
}

bool isListed(const std::vector<net::Cidr>& ranges, std::string_view client) {
  const Result<net::Endpoint> endpoint = net::Endpoint::parse(client);
  if (!endpoint || !endpoint->unixPath.empty()) return false;
  for (const net::Cidr& range : ranges) {
    if (range.contains(endpoint->address)) return true;
  }
  return false;
}

std::optional<ipc::SmtpReply> firstObjection(Stage stage, const Facts& facts) {
  for (const Check& check : kChecks) {
    if (!isAsked(check, stage, facts)) continue;
    if (auto reply = check.judge(facts)) return reply;
  }
  return std::nullopt;
}

}  // namespace ostler::policy
