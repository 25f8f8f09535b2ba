// route.h - where a recipient's mail goes: a pure function of the configuration and of what the directory said.
// Is not: DNS. An MX next hop is a domain's name here; role out looks it up. Nor whether a server elsewhere knows the
// recipient; see known.h and spool/verifier.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/config/config.h"
#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/ipc/sending.h"

namespace ostler::route {

/// A mailbox of ours.
struct LocalTarget {
  ipc::Account account;
  std::string mailbox;  ///< the folder a +tag asks for; empty: INBOX
};

/// Whose mail is asked about.
struct Query {
  std::string_view forwardPath;
  std::string_view reversePath = {};
  unsigned failures = 0;         ///< attempts that have failed so far: for rules with after_failures
  bool fromAlias = false;        ///< the path came out of an alias, so "/file" and "|program" mean that
  std::string_view client = {};  ///< Endpoint text of who sent it without logging in: a peer's mail goes to no other peer
};

struct Route {
  enum class Kind : std::uint8_t {
    local,   ///< mailboxes of ours, and perhaps what an alias or a forwarded domain adds: `locals`, `expansion`
    remote,  ///< nextHop
    peers,   ///< one of the rule's peers, if one of them has the user: they are asked
    drop,    ///< the drop folder
    file,    ///< an alias's file: appended to
    pipe,    ///< an alias's program
    reject,  ///< nowhere: `reply` says why
  };
  Kind kind = Kind::reject;
  std::vector<LocalTarget> locals;
  std::vector<std::string> expansion;  ///< addresses elsewhere, "/file", "|program"
  ipc::NextHop nextHop;                ///< without its password: that is the caller's to fill in
  ipc::SmtpReply reply;
  std::string folder;                  ///< of drop: the domain whose folder it is; empty: the forward-path's
  const config::RouteRule* rule = nullptr;  ///< the one that decided; null: none did
};

/// A line of the explanation: what was looked at, and whether it decided.
using Steps = std::vector<std::string>;

/// `resolution` is the directory's answer for the forward-path. `steps`: if not null, each rule considered is told in
/// words, with its place in the configuration.
[[nodiscard]] Route route(const config::Config& config, const Query& query, const ipc::Resolution& resolution,
                          Steps* steps = nullptr);

/// The rule for a recipient elsewhere, in the order of the configuration.
[[nodiscard]] const config::RouteRule* ruleFor(const config::Config& config, const Query& query, Steps* steps = nullptr);
/// "example.com", ".example.com" (all below it), "*".
[[nodiscard]] bool matchesDomain(std::string_view pattern, std::string_view domain);
/// Names the rule this one domain, so that it decides even about a domain of ours?
[[nodiscard]] bool namesDomain(const config::RouteRule& rule, std::string_view domain);
/// As domains are compared (base/idna.h): A-labels, lower case; behind the last @. Empty for a bare local part.
[[nodiscard]] std::string domainOf(std::string_view path);
/// A next hop as administrators type it: HOST, [ADDRESS], either with :PORT. No MX is looked up.
[[nodiscard]] std::optional<ipc::NextHop> parseHost(std::string_view text);
/// Is the client one of the rule's peers?
[[nodiscard]] bool isPeer(const config::RouteRule& rule, std::string_view client);
/// By the MX of its domain, or to the address literal that it is.
[[nodiscard]] ipc::NextHop byMx(const config::Config& config, std::string_view domain);
/// Mail for one of the rule's peers.
[[nodiscard]] ipc::NextHop toPeer(const config::RouteRule& rule, const net::Endpoint& peer);
/// The retry schedule of a recipient: the route's own, else its virtual server's, else the defaults.
[[nodiscard]] const config::RetrySchedule& retryFor(const config::Config& config, const config::RouteRule* rule,
                                                    std::string_view virtualServer);

}  // namespace ostler::route
