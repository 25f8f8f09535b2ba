// relay.cc - mail for others is taken from who logged in, from listed clients, and from local programs alone.
#include <fmt/format.h>

#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/lookup.h"
#include "queued/policy/checks.h"

namespace ostler::policy {

namespace {

/// What would help. Who has logged in already, or could not have more by it, is not sent to log in.
std::string_view remedy(const config::VirtualServer& server, const Client& client) {
  const bool isKnown = client.identity != nullptr && client.identity->known;
  if (isKnown) return "Logged in or not, nobody sends to others by way of this one";
  const bool loginHelps = server.relayAuthenticated && !server.auth.mechanisms.empty();
  return loginHelps ? "Log in first to send to others" : "Mail to others is taken from listed clients alone";
}

}  // namespace

std::optional<ipc::SmtpReply> relay(const Facts& facts) {
  using Kind = route::Route::Kind;
  if (facts.route == nullptr || facts.route->kind == Kind::local || facts.route->kind == Kind::peers) return std::nullopt;
  if (facts.client.service == "lmtp") {
    return ipc::SmtpReply{550, "5.7.1", fmt::format("LMTP delivers to mailboxes of this server alone, and {} is none", facts.forwardPath)};
  }
  // A domain that a route names and that ends here (handed to a program, dropped into a folder) is ours, whoever sends.
  const config::RouteRule* const rule = facts.route->rule;
  const bool endsHere = rule != nullptr && rule->domain != "*" && !rule->domain.starts_with('.') &&
                        (rule->action == config::RouteRule::Action::lmtp || facts.route->kind == Kind::drop);
  const bool isOursToRelay = rule != nullptr && rule->relay;
  if (endsHere || isOursToRelay || mayRelay(facts.server, facts.client)) return std::nullopt;
  const bool isStranger = facts.client.service == "smtp" && (facts.client.identity == nullptr || !facts.client.identity->known);
  if (isStranger && isNamed(facts.server.relayFromNames, facts.clientName.name)) return std::nullopt;
  // Who could not be looked up just now may be on the list.
  const bool mayBeListed = isStranger && !facts.server.relayFromNames.empty() && facts.clientName.state == ipc::LookedUp::State::later;
  if (mayBeListed) return ipc::SmtpReply{451, "4.4.3", "Your name cannot be looked up now, so nobody knows whether you may relay: try again later"};
  return ipc::SmtpReply{554, "5.7.1",
                        fmt::format("Relay access denied: {} is not on this server. {}", facts.forwardPath, remedy(facts.server, facts.client))};
}

}  // namespace ostler::policy
