// checks.h - what is looked at before a step of the receiving dialogue is answered yes: one ordered list per stage, one file a check.
// Each check is a pure function of Facts. What must be looked up first it says with `needs`; who runs the list looks that up, and
// only that. Is not: what smtpd sees by itself (libmailcore/receiving/checks.h), asked before these.
// To add one (a DNS list, greylisting, message authentication, a milter): a file in checks/, a line here, a row in checks.cc, and a
// Fact if it needs a new one: the verdict of a milter is a fact, too.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/config/config.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/lookup.h"
#include "libmailcore/receiving/checks.h"
#include "queued/policy/policy.h"
#include "queued/policy/sending.h"
#include "queued/route/route.h"

namespace ostler::policy {

/// data: the envelope is complete, and nothing of the content was asked for; endOfData: all of it is here, and nobody was answered yet.
using Stage = receiving::Stage;

/// What has to be looked up. A set of them.
enum Fact : unsigned { noFact = 0, clientName = 1, heloHost = 2, senderDomain = 4, diskRoom = 8, mailboxFill = 16, carrier = 32, sending = 64, behindAlias = 128,
                      roomNow = 256, senderAlias = 512 };

/// What a check may look at. References are of the caller's.
struct Facts {
  const config::Config& config;
  const config::VirtualServer& server;
  Client client;
  std::string_view helo{};
  std::string_view reversePath{};
  std::uint64_t declaredSize = 0;
  std::string_view forwardPath{};
  const route::Route* route = nullptr;  ///< rcpt
  std::vector<std::string> recipients{};  ///< rcpt: this one; data, endOfData: all of the message
  std::uint64_t recipientsBefore = 0;     ///< rcpt: of this message
  std::uint64_t newRecipientsBefore = 0;  ///< of these, to whom the user has never written
  std::string_view head{};                ///< endOfData: the content's first octets, its header at least
  std::uint64_t octets = 0;               ///< endOfData: so many a mailbox would keep
  std::uint64_t roomBefore = kNoLimit;    ///< endOfData: so many did fit into one of its mailboxes when the content was asked for
  // Looked up; what nobody asked for stays as it is.
  ipc::LookedUp clientName{};
  ipc::LookedUp heloHost{};
  ipc::LookedUp senderDomain{};
  bool senderLeadsToUser = false;      ///< mail: the reverse-path is an alias behind which there is the user alone
  bool senderCannotBeLookedUp = false;
  bool diskHasRoom = true;
  bool nobodyHasRoom = false;  ///< endOfData: into none of its mailboxes the content fits now
  Fill fill{};
  std::optional<ipc::SmtpReply> carrierRefuses{};  ///< the server that carries the recipient's domain has no such user
  std::optional<ipc::SmtpReply> danglingReply{};   ///< all that the recipient, an alias, leads to takes no mail
  bool isNewRecipient = false;                     ///< rcpt: to him the user has never written, and such are limited
  Amount amount{};                                 ///< what this is of what the user may send
  std::optional<std::string> sentTooMuch{};        ///< why the user may send no more: "more than 100 recipients an hour"

  /// A mailbox of ours that takes mail past all checks and limits but size: RFC 5321 4.5.1.
  [[nodiscard]] bool isForPostmaster() const;
};

// In the order of the list; each in checks/<its name>.cc. Nothing: no objection.
using Judge = std::optional<ipc::SmtpReply> (*)(const Facts&);
[[nodiscard]] std::optional<ipc::SmtpReply> accessName(const Facts& facts);
[[nodiscard]] std::optional<ipc::SmtpReply> submissionLogin(const Facts& facts);
[[nodiscard]] std::optional<ipc::SmtpReply> messageSize(const Facts& facts);
[[nodiscard]] std::optional<ipc::SmtpReply> senderOwner(const Facts& facts);
[[nodiscard]] std::optional<ipc::SmtpReply> reverseDns(const Facts& facts);
[[nodiscard]] std::optional<ipc::SmtpReply> heloName(const Facts& facts);
[[nodiscard]] std::optional<ipc::SmtpReply> senderDomainExists(const Facts& facts);
[[nodiscard]] std::optional<ipc::SmtpReply> diskFloor(const Facts& facts);
[[nodiscard]] std::optional<ipc::SmtpReply> nowhere(const Facts& facts);
[[nodiscard]] std::optional<ipc::SmtpReply> relay(const Facts& facts);
[[nodiscard]] std::optional<ipc::SmtpReply> danglingAlias(const Facts& facts);
[[nodiscard]] std::optional<ipc::SmtpReply> callAhead(const Facts& facts);
[[nodiscard]] std::optional<ipc::SmtpReply> mailboxRoom(const Facts& facts);
[[nodiscard]] std::optional<ipc::SmtpReply> sendingLimits(const Facts& facts);
[[nodiscard]] std::optional<ipc::SmtpReply> hopLimit(const Facts& facts);
[[nodiscard]] std::optional<ipc::SmtpReply> contentRoom(const Facts& facts);

struct Check {
  std::string_view name;  ///< in the log and in `ostler explain`
  Stage stage;
  Judge judge;
  unsigned (*needs)(const Facts&);  ///< of what is known before: noFact where the check would not look
  bool again;  ///< protects others from us: asked a second time when a draft is opened, since smtpd may have been broken into
  bool evenPostmaster;  ///< at rcpt: asked for mail to postmaster, too
  std::string_view writtenIn;
};
[[nodiscard]] std::span<const Check> allChecks();

/// Of whom nothing is known: came over the network to an `mx` listener, has not logged in, and is not on the list of clients that may relay.
[[nodiscard]] bool isStranger(const Facts& facts);
/// "mail.example.com", or ".example.com" for all below, and `name` is not empty.
[[nodiscard]] bool isNamed(const std::vector<std::string>& names, std::string_view name);
/// Is the client on a list of networks?
[[nodiscard]] bool isListed(const std::vector<net::Cidr>& ranges, std::string_view client);

/// Leads the route to mailboxes with a limit and nowhere else? To so many at most that it pays to look at each.
[[nodiscard]] bool hasLimitedRoom(const route::Route& route);

/// Is the check of this stage and to be asked about these facts?
[[nodiscard]] bool isAsked(const Check& check, Stage stage, const Facts& facts);
/// What the first check that objects says, of those that need nothing to be looked up or whose facts are there.
[[nodiscard]] std::optional<ipc::SmtpReply> firstObjection(Stage stage, const Facts& facts);

}  // namespace ostler::policy
