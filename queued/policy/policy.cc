#include "queued/policy/policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"
#include "libmailcore/ipc/lookup.h"
#include "queued/policy/checks.h"

namespace ostler::policy {

namespace {

using ipc::SmtpReply;

bool isTrustedService(std::string_view service) { return service == "local" || service == "pickup" || service == "report"; }

}  // namespace

const config::VirtualServer* serverNamed(const config::Config& config, std::string_view name) {
  const auto found = std::ranges::find(config.virtualServers, name, &config::VirtualServer::name);
  return found == config.virtualServers.end() ? nullptr : &*found;
}

const config::VirtualServer& serverOrFirst(const config::Config& config, std::string_view name) {
  static const config::VirtualServer kDefault;
  if (const config::VirtualServer* const named = serverNamed(config, name)) return *named;
  return config.virtualServers.empty() ? kDefault : config.virtualServers.front();
}

bool ownsAddress(const ipc::Identity& identity, std::string_view reversePath, std::string_view tagSeparator) {
  const std::size_t at = std::min(reversePath.rfind('@'), reversePath.size());
  const std::size_t tag = std::min(reversePath.find_first_of(tagSeparator), at);  // any of its characters begins a tag
  const std::string_view domain = reversePath.substr(at);
  const std::string bare = std::string(reversePath.substr(0, tag == 0 ? at : tag)) + std::string(domain);
  const auto matches = [&](std::string_view own) {
    if (own.starts_with('@')) return isSameAddress(own, domain);  // any address of a domain
    return isSameAddress(own, reversePath) || isSameAddress(own, bare);
  };
  if (matches(identity.account.address)) return true;
  return std::any_of(identity.addresses.begin(), identity.addresses.end(), matches);
}

bool mayRelay(const config::VirtualServer& server, const Client& client) {
  if (client.service == "lmtp") return false;
  if (isTrustedService(client.service)) return true;
  if (client.identity != nullptr && client.identity->known) return server.relayAuthenticated;
  return isListed(server.relayFrom, client.address);
}

bool mayUse(config::SenderRule rule, const ipc::Identity& identity, std::string_view reversePath, std::string_view tagSeparator) {
  const auto isOwn = [&](std::string_view address) {
    ipc::Identity alone;
    alone.account.address = address;
    return ownsAddress(alone, reversePath, tagSeparator);
  };
  switch (rule) {
    case config::SenderRule::own:
      return isOwn(identity.account.address);
    case config::SenderRule::alias:
      return ownsAddress(identity, reversePath, tagSeparator);
    case config::SenderRule::domain: {
      const std::string_view own = identity.account.address;
      const std::string domain(own.substr(std::min(own.rfind('@'), own.size())));
      const bool inDomain = !domain.empty() && reversePath.size() > domain.size() && isSameAddress(reversePath.substr(std::min(reversePath.rfind('@'), reversePath.size())), domain);
      return inDomain || ownsAddress(identity, reversePath, tagSeparator);
    }
    case config::SenderRule::any:
      return true;
  }
  return false;
}

bool mayAsk(config::Askers askers, const config::VirtualServer& server, const Client& client) {
  const bool authenticated = client.identity != nullptr && client.identity->known;
  switch (askers) {
    case config::Askers::nobody: return false;
    case config::Askers::authenticated: return authenticated;
    case config::Askers::listed: return authenticated || isListed(server.relayFrom, client.address);
    case config::Askers::everybody: return true;
  }
  return false;
}

bool bearsName(const std::vector<std::string>* tlsNames, const std::vector<std::string>& wanted) {
  if (tlsNames == nullptr) return false;
  return std::any_of(tlsNames->begin(), tlsNames->end(), [&wanted](const std::string& name) {
    return std::any_of(wanted.begin(), wanted.end(), [&name](const std::string& one) { return equalsIgnoreCase(one, name); });
  });
}

bool mayStart(const config::EtrnRule& rule, const Client& client) {
  if (isListed(rule.from, client.address) || bearsName(client.tlsNames, rule.certificates)) return true;
  if (client.identity == nullptr || !client.identity->known) return false;
  return std::any_of(rule.users.begin(), rule.users.end(),
                     [&](const std::string& user) { return isSameAddress(user, client.identity->account.address); });
}

SmtpReply senderVerdict(const config::VirtualServer& server, const Client& client, std::string_view reversePath,
                        std::uint64_t declaredSize, std::string_view tagSeparator) {
  config::Config config;
  config.directory.tagSeparator = tagSeparator;
  Facts facts{config, server, client};
  facts.reversePath = reversePath;
  facts.declaredSize = declaredSize;
  facts.senderDomain.state = ipc::LookedUp::State::yes;
  return firstObjection(Stage::mail, facts).value_or(SmtpReply{250, "2.1.0", "Sender ok"});
}

SmtpReply recipientVerdict(const config::VirtualServer& server, const Client& client, std::string_view forwardPath,
                           const route::Route& route) {
  const config::Config config;
  Facts facts{config, server, client};
  facts.forwardPath = forwardPath;
  facts.route = &route;
  return firstObjection(Stage::rcpt, facts).value_or(SmtpReply{250, "2.1.5", "Recipient ok"});
}

std::uint64_t roomOf(const Fill& fill) {
  if (fill.limitMessages != 0 && fill.usedMessages >= fill.limitMessages) return 0;
  if (fill.limitOctets == 0) return kNoLimit;
  return fill.limitOctets - std::min(fill.limitOctets, fill.usedOctets);
}

SmtpReply roomVerdict(const Fill& fill, std::uint64_t declaredSize) {
  const std::uint64_t size = std::max<std::uint64_t>(declaredSize, 1);
  if (fill.limitOctets != 0 && size > fill.limitOctets) {
    return {552, "5.2.2", fmt::format("The mailbox holds {} octets at most, and the message is larger", fill.limitOctets)};
  }
  if (size > roomOf(fill)) return {452, "4.2.2", "The mailbox is full. Try again later, or tell its owner another way"};
  return {250, "2.1.5", "Recipient ok"};
}

}  // namespace ostler::policy
