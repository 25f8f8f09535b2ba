// checks.h - what smtpd itself looks at before a step of the dialogue is answered: one ordered list per stage, one file a check. Here,
// and not in smtpd, because `ostler explain` asks them, too.
// Is not: what needs the directory or the DNS; those checks are queued's (queued/policy/checks.h), asked after these, with the same stages.
// To add one: a file in checks/, a line here, a row in checks.cc.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "libmailcore/config/config.h"
#include "libmailcore/net/address.h"
#include "libmailcore/smtp/reply.h"
#include "libmailcore/receiving/rates.h"

namespace ostler::receiving {

/// Where the dialogue stands. Both lists, ours and queued's, have these.
enum class Stage {
  connect,
  greeting,  ///< the client was let in, and waited for while its greeting was held back
  command,   ///< any, before its own stage
  mail,
  rcpt,
  data,
  endOfData,  ///< asked as content comes, so that what is refused is not sent on; answered when all of it is here
};

/// What is known of a message's content so far.
struct Content {
  std::uint64_t octets = 0;
  bool bareLineEnd = false;  ///< a CR without LF or an LF without CR
  std::size_t received = 0;  ///< Received fields in its header
};

/// What a check may look at. Values and references of the session; a check changes nothing but the rates.
struct Visit {
  const config::VirtualServer& server;
  config::SmtpKind kind;
  const net::IpAddress* client;  ///< null: over a Unix socket
  bool tls = false;
  bool authenticated = false;
  bool talkedEarly = false;             ///< there were octets before the greeting
  bool sentAhead = false;               ///< there were octets behind a command whose reply was to be waited for
  std::string_view helo{};              ///< what the client says it is
  std::string_view hostName{};          ///< what we say we are
  std::uint64_t accountMessageSize = 0; ///< the most octets that who logged in may send; 0: unlimited
  std::uint64_t messages = 0;       ///< accepted on this connection
  std::uint64_t sessionOctets = 0;  ///< of their content
  std::size_t recipients = 0;       ///< of this transaction
  bool binary = false;              ///< it was said to be BINARYMIME
  Content content{};
  Rates& rates;
  SteadyTime now;

  [[nodiscard]] bool isOn(const std::vector<net::Cidr>& list) const;
  /// No rates, no tarpit, no greeting delay.
  [[nodiscard]] bool isExempt() const { return client == nullptr || isOn(server.limits.exempt); }
};

/// Nothing: no objection. A 421 or 5xx at `connect`, `greeting` or `command` ends the connection, a 421 ends it at any stage.
using Judge = std::optional<smtp::Reply> (*)(const Visit&);

// In the order of the list; each in checks/<its name>.cc.
[[nodiscard]] std::optional<smtp::Reply> closed(const Visit& visit);
[[nodiscard]] std::optional<smtp::Reply> accessList(const Visit& visit);
[[nodiscard]] std::optional<smtp::Reply> connectionRate(const Visit& visit);
[[nodiscard]] std::optional<smtp::Reply> earlyTalker(const Visit& visit);
[[nodiscard]] std::optional<smtp::Reply> pipelining(const Visit& visit);
[[nodiscard]] std::optional<smtp::Reply> ownName(const Visit& visit);
[[nodiscard]] std::optional<smtp::Reply> tlsRequired(const Visit& visit);
[[nodiscard]] std::optional<smtp::Reply> loginRequired(const Visit& visit);
[[nodiscard]] std::optional<smtp::Reply> sessionLimits(const Visit& visit);
[[nodiscard]] std::optional<smtp::Reply> messageRate(const Visit& visit);
[[nodiscard]] std::optional<smtp::Reply> recipientLimit(const Visit& visit);
[[nodiscard]] std::optional<smtp::Reply> recipientRate(const Visit& visit);
[[nodiscard]] std::optional<smtp::Reply> binaryContent(const Visit& visit);
[[nodiscard]] std::optional<smtp::Reply> contentSize(const Visit& visit);
[[nodiscard]] std::optional<smtp::Reply> lineEnds(const Visit& visit);
[[nodiscard]] std::optional<smtp::Reply> hopLimit(const Visit& visit);

struct Check {
  std::string_view name;  ///< in the log
  Stage stage;
  Judge judge;
  bool givesWay;  ///< at mail: to mail for postmaster, so its objection is kept until a recipient is named
  std::string_view writtenIn;
};
[[nodiscard]] std::span<const Check> allChecks();

/// "end of data", for people.
[[nodiscard]] std::string_view nameOf(Stage stage);

/// What the first check of the stage that objects says, and its name.
struct Objection {
  std::string_view check;
  smtp::Reply reply;
  bool givesWay = false;
};
[[nodiscard]] std::optional<Objection> ask(Stage stage, const Visit& visit);

}  // namespace ostler::receiving
