// policy.h - who may send what to whom: the verdict on a sender and on a recipient, as a reply of SMTP. Pure.
// Invariant: mail is taken for somebody else only from who authenticated or is listed in relayFrom. Nothing else opens the relay.
// RFC 5321 3.6.2 (relay), 4.2; RFC 6409 6 (submission); RFC 2033 (LMTP); RFC 3463 (enhanced codes).
#pragma once

#include <cstdint>
#include <string_view>

#include "libmailcore/config/config.h"
#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/envelope.h"
#include "queued/route/route.h"

namespace ostler::policy {

/// Who is asking.
struct Client {
  std::string_view service;           ///< "smtp" "submission" "lmtp" "local" "pickup"
  std::string_view address;           ///< Endpoint text
  const ipc::Identity* identity = nullptr;  ///< null: did not authenticate
  const std::vector<std::string>* tlsNames = nullptr;  ///< of its verified certificate; null: none
};
/// Bears the client's verified certificate one of these names?
[[nodiscard]] bool bearsName(const std::vector<std::string>* tlsNames, const std::vector<std::string>& wanted);

/// A mailbox's fill, if it has a limit.
struct Fill {
  std::uint64_t usedOctets = 0, usedMessages = 0;
  std::uint64_t limitOctets = 0, limitMessages = 0;  ///< 0: none
};

/// So many octets more fit into it; kNoLimit: it has no limit of octets.
inline constexpr std::uint64_t kNoLimit = UINT64_MAX;
[[nodiscard]] std::uint64_t roomOf(const Fill& fill);

/// The virtual server of that name; null: there is none, because a reload took it away or smtpd runs on another configuration than the
/// spool. Its clients are told "later": what any other server allows says nothing about them.
[[nodiscard]] const config::VirtualServer* serverNamed(const config::Config& config, std::string_view name);
/// The same, else the first: for mail that is ours already, and for what comes from this machine by no listener. Never for rights.
[[nodiscard]] const config::VirtualServer& serverOrFirst(const config::Config& config, std::string_view name);

/// 250 2.1.0, or why not, as far as nothing needs to be looked up: the list of checks.h.
[[nodiscard]] ipc::SmtpReply senderVerdict(const config::VirtualServer& server, const Client& client,
                                           std::string_view reversePath, std::uint64_t declaredSize,
                                           std::string_view tagSeparator);
/// 250 2.1.5, or why not. `route` is where the recipient's mail would go. As senderVerdict().
[[nodiscard]] ipc::SmtpReply recipientVerdict(const config::VirtualServer& server, const Client& client,
                                              std::string_view forwardPath, const route::Route& route);
/// 250 2.1.5 while there is room for one more message of that size (0: not known, so one octet), else 452 4.2.2; 552 5.2.2 where an empty
/// mailbox would not hold it either.
[[nodiscard]] ipc::SmtpReply roomVerdict(const Fill& fill, std::uint64_t declaredSize = 0);
/// Is the reverse-path one that the virtual server lets this user have?
[[nodiscard]] bool mayUse(config::SenderRule rule, const ipc::Identity& identity, std::string_view reversePath,
                          std::string_view tagSeparator);
/// May the client send to anybody?
[[nodiscard]] bool mayRelay(const config::VirtualServer& server, const Client& client);
/// Belongs the client to those who may use a command that tells about us? `listed`: relay_from.
[[nodiscard]] bool mayAsk(config::Askers askers, const config::VirtualServer& server, const Client& client);
/// May the client have the mail started that waits for this route's domain? RFC 1985 6.
[[nodiscard]] bool mayStart(const config::EtrnRule& rule, const Client& client);
/// Is the reverse-path one that the account may use? Tags of its own addresses are.
[[nodiscard]] bool ownsAddress(const ipc::Identity& identity, std::string_view reversePath, std::string_view tagSeparator);

}  // namespace ostler::policy
