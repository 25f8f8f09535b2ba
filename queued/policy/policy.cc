#include "queued/policy/policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "libmailcore/base/ascii.h"

namespace ostler::policy {

namespace {

using ipc::SmtpReply;

bool listed(const std::vector<net::Cidr>& ranges, std::string_view client) {
  const Result<net::Endpoint> endpoint = net::Endpoint::parse(client);
  if (!endpoint || !endpoint->unixPath.empty()) return false;
  for (const net::Cidr& range : ranges) {
    if (range.contains(endpoint->address)) return true;
  }
  return false;
}

bool isTrustedService(std::string_view service) { return service == "local" || service == "pickup" || service == "report"; }

}  // namespace

const config::VirtualServer& serverOf(const config::Config& config, std::string_view name) {
  static const config::VirtualServer kDefault;
  for (const config::VirtualServer& server : config.virtualServers) {
    if (server.name == name) return server;
  }
  return config.virtualServers.empty() ? kDefault : config.virtualServers.front();
}

bool ownsAddress(const ipc::Identity& identity, std::string_view reversePath, std::string_view tagSeparator) {
  const std::size_t at = std::min(reversePath.rfind('@'), reversePath.size());
  const std::size_t tag = std::min(reversePath.find_first_of(tagSeparator), at);  // any of its characters begins a tag
  const std::string_view domain = reversePath.substr(at);
  const std::string bare = std::string(reversePath.substr(0, tag == 0 ? at : tag)) + std::string(domain);
  const auto matches = [&](std::string_view own) {
    if (own.starts_with('@')) return equalsIgnoreCase(own, domain);  // any address of a domain
    return equalsIgnoreCase(own, reversePath) || equalsIgnoreCase(own, bare);
  };
  if (matches(identity.account.address)) return true;
  return std::any_of(identity.addresses.begin(), identity.addresses.end(), matches);
}

bool mayRelay(const config::VirtualServer& server, const Client& client) {
  if (client.service == "lmtp") return false;
  if (isTrustedService(client.service)) return true;
  if (client.identity != nullptr && client.identity->known) return server.relayAuthenticated;
  return listed(server.relayFrom, client.address);
}

bool mayAsk(config::Askers askers, const config::VirtualServer& server, const Client& client) {
  const bool authenticated = client.identity != nullptr && client.identity->known;
  switch (askers) {
    case config::Askers::nobody: return false;
    case config::Askers::authenticated: return authenticated;
    case config::Askers::listed: return authenticated || listed(server.relayFrom, client.address);
    case config::Askers::everybody: return true;
  }
  return false;
}

bool mayStart(const config::EtrnRule& rule, const Client& client) {
  if (listed(rule.from, client.address)) return true;
  if (client.identity == nullptr || !client.identity->known) return false;
  return std::any_of(rule.users.begin(), rule.users.end(),
                     [&](const std::string& user) { return equalsIgnoreCase(user, client.identity->account.address); });
}

SmtpReply senderVerdict(const config::VirtualServer& server, const Client& client, std::string_view reversePath,
                        std::uint64_t declaredSize, std::string_view tagSeparator) {
  const bool authenticated = client.identity != nullptr && client.identity->known;
  if (client.service == "submission" && !authenticated) {
    return {530, "5.7.0", "Authentication required: log in before sending"};  // RFC 6409 4.3
  }
  if (!server.limits.messageSize.allows(declaredSize)) {
    return {552, "5.3.4", fmt::format("The message is larger than the {} octets taken here", server.limits.messageSize.octets)};
  }
  if (authenticated) {
    const std::uint64_t most = client.identity->account.messageSize;
    if (most != 0 && declaredSize > most) {
      return {552, "5.3.4", fmt::format("The message is larger than the {} octets your account may send", most)};
    }
    // RFC 6409 6.1. The null reverse-path stays allowed: mail programs send dispositions with it.
    if (!reversePath.empty() && !ownsAddress(*client.identity, reversePath, tagSeparator)) {
      return {553, "5.7.1",
              fmt::format("{} may not send as {}: use one of your own addresses as sender", client.identity->account.address,
                          reversePath)};
    }
  }
  return {250, "2.1.0", "Sender ok"};
}

SmtpReply recipientVerdict(const config::VirtualServer& server, const Client& client, std::string_view forwardPath,
                           const route::Route& route) {
  using Kind = route::Route::Kind;
  if (route.kind == Kind::reject) return route.reply;
  if (route.kind == Kind::local || route.kind == Kind::peers) return {250, "2.1.5", "Recipient ok"};
  if (client.service == "lmtp") {
    return {550, "5.7.1", fmt::format("LMTP delivers to mailboxes of this server alone, and {} is none", forwardPath)};
  }
  // A domain that a route names and that ends here (handed to a program, dropped into a folder) is ours, whoever sends.
  const bool endsHere = route.rule != nullptr && route.rule->domain != "*" && !route.rule->domain.starts_with('.') &&
                        (route.rule->action == config::RouteRule::Action::lmtp || route.kind == Kind::drop);
  const bool isOursToRelay = route.rule != nullptr && route.rule->relay;
  if (endsHere || isOursToRelay || mayRelay(server, client)) return {250, "2.1.5", "Recipient ok"};
  return {554, "5.7.1",
          fmt::format("Relay access denied: {} is not on this server. Log in first to send to others", forwardPath)};
}

SmtpReply roomVerdict(const Fill& fill) {
  const bool full = (fill.limitOctets != 0 && fill.usedOctets >= fill.limitOctets) ||
                    (fill.limitMessages != 0 && fill.usedMessages >= fill.limitMessages);
  if (full) return {452, "4.2.2", "The mailbox is full. Try again later, or tell its owner another way"};
  return {250, "2.1.5", "Recipient ok"};
}

}  // namespace ostler::policy
