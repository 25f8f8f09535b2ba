// config.h - the configuration as typed values: one immutable snapshot, read once, replaced whole on reload.
// Is not: YAML. Keys, types, units, defaults and meanings stand in one table in schema.cc, from which `ostler check`,
// the manual and the reader are made. Defaults here are those of the table; a test compares them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/units.h"
#include "libmailcore/net/address.h"
#include "libmailcore/net/tls.h"

namespace ostler::config {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A place in a configuration file, for messages: file:line:column, all counted from 1.
struct Place {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
  [[nodiscard]] std::string text() const;
  bool operator==(const Place&) const = default;
};

enum class ListenerTls { none, startTls, implicit };

/// What a client on an SMTP listener is to us.
enum class SmtpKind {
  mx,          ///< strangers, mail for our domains; who authenticates may relay
  submission,  ///< our users: AUTH required before MAIL. RFC 6409
  lmtp,        ///< a trusted hop that wants one reply per recipient; local recipients alone. RFC 2033
  odmr,        ///< servers of our customers that fetch their waiting mail with ATRN, on port 366. RFC 2645
};

struct Listener {
  net::Endpoint address;
  ListenerTls tls = ListenerTls::startTls;
  SmtpKind kind = SmtpKind::mx;      ///< smtp alone
  std::vector<net::Cidr> proxyFrom;  ///< these must start with a PROXY header; nobody else may
  Place place;
};

/// Clients, by network or by name: "mail.example.com", or ".example.com" for all below. A name counts when the client's
/// address leads to it and it leads back to the address.
struct ClientList {
  std::vector<net::Cidr> networks;
  std::vector<std::string> names;
  [[nodiscard]] bool empty() const { return networks.empty() && names.empty(); }
};

struct AuthSettings {
  std::vector<std::string> mechanisms = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"};
  std::vector<net::Cidr> plaintextFrom;  ///< clients that may send passwords without TLS. Default: nobody
};

/// When a deferred message is tried again. RFC 5321 4.5.4.1. Whichever of attempts and expiry comes first ends it.
struct RetrySchedule {
  seconds first{15 * 60};
  seconds second{30 * 60};
  seconds third{60 * 60};
  seconds subsequent{60 * 60};
  seconds delayNotice{12 * 3600};  ///< 0: no notice
  seconds expiry{5 * 86400};
  std::optional<unsigned> attempts;  ///< nothing: no limit but expiry; 0: no retry at all
  bool operator==(const RetrySchedule&) const = default;
};

struct SmtpLimits {
  ByteCount messageSize = 35_MiB;
  std::uint64_t recipients = 1000;
  std::uint64_t messagesPerConnection = 1000;
  std::uint64_t connections = 10'000;        ///< of this virtual server
  std::uint64_t connectionsPerClient = 100;  ///< loopback has no per-client limits in the sandbox: set 0
  std::uint64_t errors = 20;                 ///< wrong commands and refused recipients before the session ends
  seconds idle{300};                         ///< RFC 5321 4.5.3.2.7
  unsigned hops = 50;                        ///< Received fields. RFC 5321 6.3
  ByteCount sessionSize{0};                  ///< content of all messages of a session
  std::uint64_t connectionsPerNetwork = 0;   ///< at once from one /24 or /48
  std::uint64_t unknownRecipients = 20;      ///< refused recipients before the session ends
  seconds tarpit{1};                         ///< how late errors are answered from the `tarpitAfter`th on
  std::uint64_t tarpitAfter = 10;
  seconds greetingDelay{0};                  ///< who talks before it is over is sent away. RFC 5321 3.1
  seconds futureRelease{7 * 86400};          ///< the longest hold that may be asked for; 0: not offered. RFC 4865
  std::vector<net::Cidr> exempt;             ///< clients without tarpit, greeting delay and rates
};

/// How much a minute may bring, of one client or one network (/24, /48). 0: unlimited.
struct SmtpRates {
  std::uint64_t connections = 0;
  std::uint64_t messages = 0;
  std::uint64_t recipients = 0;
  std::uint64_t networkConnections = 0;
  std::uint64_t networkMessages = 0;
  std::uint64_t etrn = 10;
};

/// How much one user who logged in may send. Over it he is frozen until an administrator lifts that. 0: unlimited.
/// New recipients are those he has never written to: a stolen password is known by them.
struct SendingLimits {
  std::uint64_t messagesPerHour = 0;
  std::uint64_t messagesPerDay = 0;
  std::uint64_t recipientsPerHour = 0;
  std::uint64_t recipientsPerDay = 0;
  std::uint64_t newRecipientsPerHour = 0;
  std::uint64_t newRecipientsPerDay = 0;
  /// Must be known whom a user has written to?
  [[nodiscard]] bool countsNew() const { return newRecipientsPerHour != 0 || newRecipientsPerDay != 0; }
  bool operator==(const SendingLimits&) const = default;
};

/// Who may use a command that tells about us.
enum class Askers { nobody, authenticated, listed, everybody };
/// Which reverse-paths an authenticated user may use.
enum class SenderRule { own, alias, domain, any };

/// One virtual SMTP server: what one set of addresses says and allows.
struct VirtualServer {
  std::string name = "default";
  std::string hostName;  ///< in greeting and trace; empty: the suite's
  std::vector<Listener> listeners;
  AuthSettings auth;
  SmtpLimits limits;
  std::vector<net::Cidr> relayFrom;  ///< clients that may relay without AUTH. Default: nobody, loopback neither
  bool relayAuthenticated = true;
  bool checkSenderDomain = true;
  bool checkHelo = false;
  bool checkReverseDns = false;
  std::vector<std::string> relayFromNames;  ///< as ClientList::names
  ClientList accessOnly;                    ///< not empty: nobody else may connect
  ClientList accessExcept;                  ///< these may not connect
  bool closed = false;                      ///< takes no mail at all, and says so: RFC 7504
  bool tlsRequired = false;                 ///< before MAIL and AUTH
  bool authRequired = false;                ///< before MAIL; submission listeners want it anyway
  SenderRule senderRule = SenderRule::alias;
  Askers vrfy = Askers::nobody;
  Askers expn = Askers::nobody;
  Askers etrn = Askers::everybody;
  SmtpRates rates;
  SendingLimits sending;
  std::vector<net::CertificateFiles> certificates;  ///< before the suite's, which stay for SNI; empty: those alone
  std::vector<std::string> operators;  ///< system users, and "@group"s, that may administer its mail
  std::string badmail;           ///< its folder for what goes nowhere; empty: the suite's
  std::string defaultDomain;     ///< for addresses without one, from our users
  std::string masqueradeDomain;  ///< instead of a domain of ours in the reverse-path of our users
  bool rewriteHeader = false;    ///< both in the header of their mail, too
  std::vector<net::Cidr> xclientFrom;
  std::vector<net::Cidr> xforwardFrom;
  std::string heloName;    ///< of its mail on the way out; empty: the suite's
  std::optional<net::IpAddress> sourceV4;  ///< where its mail leaves from; nothing: the suite's
  std::optional<net::IpAddress> sourceV6;
  RetrySchedule retry;
  Place place;
  std::string path = "smtp";  ///< of its section: "smtp", "smtp.virtual_servers[1]"
};

/// POP3 or IMAP.
struct MailboxService {
  std::vector<Listener> listeners;
  AuthSettings auth;
  seconds idle{30 * 60};  ///< RFC 9051 5.4
  std::uint64_t connections = 50'000;
  std::uint64_t connectionsPerUser = 100;
};

/// POP3's inactivity timer is shorter than IMAP's: RFC 1939 3.
[[nodiscard]] inline MailboxService pop3Defaults() {
  MailboxService service;
  service.idle = seconds{10 * 60};
  return service;
}

/// Mail for a domain that waits until its server asks for it with ETRN. RFC 1985.
struct EtrnRule {
  bool hold = false;
  seconds holdFor{0};                ///< then it is sent unasked; 0: not before it expires
  seconds open{15 * 60};             ///< how long after an ETRN new mail goes out at once: the line is up
  std::vector<net::Cidr> from;       ///< clients that may ask
  std::vector<std::string> users;    ///< logged in users that may
  std::vector<std::string> certificates;  ///< names in verified client certificates that may
  bool operator==(const EtrnRule&) const = default;
};

/// How much at once, and when, goes to the next hops of a route. 0: no limit of its own.
struct Pace {
  std::uint64_t concurrency = 0;            ///< connections to one next hop; 0: outbound.concurrency_per_destination
  std::uint64_t messagesPerConnection = 0;  ///< 0: outbound.messages_per_connection
  Rate rate;                                ///< messages to one next hop; none: outbound.rate_per_destination
  std::uint64_t perMinute = 0;              ///< the same, as it was written before there was rate
  std::string hours;                        ///< "22:00-06:00", in the machine's time zone: mail goes out then alone; empty: always
  bool operator==(const Pace&) const = default;
};

/// A next hop by domain pattern: "example.com", ".example.com" (all below), "*".
struct RouteRule {
  std::string domain = "*";   ///< in A-labels
  std::string written;        ///< as it stands in the file, when that is something else
  std::string sender;         ///< whose mail: "alice@example.com", "example.com", ".example.com"; empty: everybody's
  unsigned afterFailures = 0; ///< passed over until a recipient's mail has failed so often
  enum class Action { mx, smarthost, lmtp, drop, reject, forward, peers } action = Action::mx;
  std::string host;  ///< "mail.example.net", "[mail.example.net]" (no MX look-up), "[192.0.2.1]"; forward: a domain
  std::vector<std::string> fallback;    ///< relays to try in their order when none of its hosts can be reached
  bool fallbackLogin = false;           ///< user and password are theirs, too
  bool relay = false;                   ///< strangers may send to it: we are its gateway or backup MX
  std::vector<std::string> recipients;  ///< those there are: local parts or addresses; with relay
  std::string recipientsFile;           ///< the same, one a line
  bool callAhead = false;               ///< asks the next hop whether there is a recipient
  std::vector<net::Endpoint> peers;     ///< of action peers: servers that carry the domain with us
  std::vector<std::string> peerCertificates;  ///< names one of which a peer's client certificate must bear to ask; empty: its address will do
  EtrnRule etrn;
  Pace pace;
  std::uint16_t port = 25;
  net::TlsVerify tlsVerify = net::TlsVerify::none;
  bool tlsRequired = false;
  std::string user;
  std::string passwordFile;
  std::optional<RetrySchedule> retry;
  Place place;
  bool operator==(const RouteRule&) const = default;
  [[nodiscard]] const std::string& shown() const { return written.empty() ? domain : written; }
};

struct QueueSettings {
  std::uint64_t freeSpaceFloor = 64ULL << 20;  ///< below this many free octets new mail gets 452
  ByteCount segmentSize = 16_MiB;
  ByteCount largeMessage = 256_KiB;  ///< above this, content is a file of its own
  std::uint64_t maxMessages = 0;
  seconds fdatasyncWindow{0};
  seconds history{30 * 86400};      ///< how long `ostler why` knows of a message that has left; 0: for ever
  seconds badmailKeep{90 * 86400};  ///< then what lies in badmail/ is removed; 0: never
  ByteCount badmailSize{};          ///< the oldest goes when badmail/ is larger; 0: any size
};

struct ReportSettings {
  std::string copyTo;     ///< gets a copy of every report of a failure; empty: nobody
  std::string templates;  ///< a folder with texts of ours for reports; empty: the built-in ones
  std::string language;   ///< of the texts: a folder below templates; empty: those directly in it
  std::uint64_t perDomainHour = 1000;  ///< to one domain about strangers' mail; what is beyond goes to badmail/; 0: any number
};

struct OutboundSettings {
  std::uint64_t concurrency = 100;  ///< deliveries to other hosts at once; one that waits for its host for 2 s counts a tenth
  std::uint64_t concurrencyPerDestination = 30;
  Rate ratePerDestination;  ///< messages to one next hop
  std::uint64_t messagesPerConnection = 20;
  seconds connectTimeout{30};
  std::optional<net::IpAddress> sourceV4;
  std::optional<net::IpAddress> sourceV6;
  std::string heloName;     ///< empty: the host name
  std::vector<std::string> fallbackRelays;  ///< when no host of a domain can be reached, in their order
  std::string caFile;       ///< empty: the system's roots
  net::CertificateFiles certificate;  ///< what we show servers that ask for one: peers, for mutual TLS; empty: none
  std::uint16_t port = 25;  ///< where MX hosts listen; other than 25 in tests alone
};

struct DnsSettings {
  std::vector<net::Endpoint> servers;  ///< empty: those of /etc/resolv.conf, or full recursion if `recursive`
  bool recursive = false;
  std::map<std::string, std::vector<net::Endpoint>> stubs;
  std::vector<std::string> trustAnchors;  ///< DS or DNSKEY records in zone file form
  std::map<std::string, std::vector<net::IpAddress>> hosts;
  bool useEtcHosts = false;
  bool serveExpired = false;
};

struct DirectorySettings {
  std::string tagSeparator = "+";  ///< empty: no tags
  std::string aliasesFile;         ///< sendmail's syntax; empty: none
  bool aliasFiles = false;         ///< may aliases deliver to files
  bool aliasPipes = false;         ///< may aliases deliver to programs
  std::string pipeUser = "nobody"; ///< whom they run as; empty: the system's user of the alias's name
  seconds pipeTimeout{5 * 60};     ///< then they are ended, and tried again later
  std::string postmaster;          ///< who reads postmaster@ every local domain: an address
  std::string systemAccounts;      ///< who reads mail for accounts of this machine that are no users: an address; empty: nobody
  unsigned failuresBeforeLockout = 10;
  seconds lockout{15 * 60};
  bool lockoutLoopback = true;
  std::vector<net::Cidr> lockoutExempt;  ///< clients that are never locked out
  seconds verifiedCache{600};
};

/// Logins by Kerberos. RFC 4752.
struct KerberosSettings {
  std::string keytab;  ///< our services' keys: smtp/HOST, imap/HOST, pop/HOST; empty: nobody logs in so
  std::string realm;   ///< of our users; empty: that of the service's key
  std::string domain;  ///< of their mailboxes; empty: the realm in lower case
};

/// Bearer tokens: whose keys sign them or who is asked about them, and what they must say. RFC 7519, RFC 7517, RFC 7662.
struct OauthSettings {
  std::string jwksFile;              ///< a JWK set; empty: no signature is looked at
  std::string issuer;                ///< "iss"; empty: any
  std::string audience;              ///< "aud"; empty: any
  std::string userClaim = "email";   ///< which claim names the user
  std::string scope;                 ///< one that a token must have; empty: none
  std::string introspectionUrl;      ///< https, of the server that is asked about other tokens; empty: nobody is
  std::string introspectionCa;       ///< PEM; empty: the system's roots
  std::string clientId;              ///< as whom we ask
  std::string clientSecretFile;      ///< its first line
  seconds introspectionCache{60};    ///< a revoked token is good for so long; 0: asked every time
};

/// Where lines go. `same`, of a rule: where the others go.
enum class LogTarget { standardError, journald, syslog, file, nothing, same };

/// Where else, or from which level on, the lines of some processes or of one virtual server are written.
struct LogRule {
  Place place;
  std::vector<std::string> processes;  ///< "smtpd", "spool", ...; empty: all
  std::string virtualServer;           ///< its SMTP sessions, logins, and mail alone; empty: whatever the process says
  LogTarget target = LogTarget::same;
  std::string file;
  std::string level = "same";
};

struct LogSettings {
  LogTarget target = LogTarget::standardError;
  enum class Format { text, json } format = Format::text;
  std::string file;            ///< with strftime's % a file a day
  ByteCount maxSize{0};        ///< of a file; 0: it grows
  net::Endpoint syslogServer;  ///< of target syslog; none: the local one
  enum class SyslogProtocol { udp, tcp, tls } syslogProtocol = SyslogProtocol::udp;
  std::string syslogCa;        ///< PEM; who may have signed the server's certificate; empty: the system's roots
  std::string syslogName;      ///< what its certificate must name; empty: its address
  std::string relay;           ///< the socket of who sends to the server; load() sets it
  std::vector<LogRule> rules;  ///< each that fits changes what those before it said
  std::string countersDir;     ///< where processes count what they log; load() sets it
  std::string level = "info";                  ///< trace debug info warn error
  std::map<std::string, std::string> modules;  ///< a level of its own: "smtpd", "spool" (processes), "store" (a part)
};

/// The whole configuration of one instance.
struct Config {
  std::string hostName;
  std::string dataDir = "/var/lib/ostler";  ///< accounts/ directory/ spool/
  std::string spoolDir;                     ///< pickup/ queue/ drop/ badmail/; empty: dataDir + "/spool"
  std::string runDir = "/run/ostler";       ///< the sockets
  unsigned workers = 0;                     ///< event loops of smtpd, pop3d and imapd; 0: one a core
  std::string user;                         ///< empty: processes keep the user they were started as
  std::map<std::string, std::string> users;  ///< who runs what where each process has its own user: {smtpd: ostler-smtpd}
  std::vector<net::CertificateFiles> certificates;
  std::string clientCa;  ///< clients are asked for a certificate of these authorities; none is insisted on
  LogSettings log;
  std::vector<VirtualServer> virtualServers;
  MailboxService pop3 = pop3Defaults();
  MailboxService imap;
  QueueSettings queue;
  std::vector<RouteRule> routes;  ///< first match wins; none: MX
  OutboundSettings outbound;
  ReportSettings reports;
  DnsSettings dns;
  DirectorySettings directory;
  std::vector<net::Endpoint> healthListeners;  ///< HTTP for monitors; none: not served
  OauthSettings oauth;
  KerberosSettings kerberos;
  std::map<std::string, Place, std::less<>> places;  ///< where each key stands, by its path: "smtp.relay_from"; "": the file itself

  /// Where the key stands, else the section around it, else the file. For messages.
  [[nodiscard]] Place placeOf(std::string_view path) const;
  /// The same for a key of a virtual server, which may be the one that all of them start from.
  [[nodiscard]] Place placeOf(const VirtualServer& server, std::string_view key) const;
  [[nodiscard]] std::string pickupDir() const { return spoolRoot() + "/pickup"; }
  [[nodiscard]] std::string queueDir() const { return spoolRoot() + "/queue"; }
  [[nodiscard]] std::string dropDir() const { return spoolRoot() + "/drop"; }
  [[nodiscard]] std::string badmailDir() const { return spoolRoot() + "/badmail"; }
  /// Of a virtual server by its name; the suite's when it has none of its own, or is not known.
  [[nodiscard]] std::string badmailDirOf(std::string_view server) const;
  /// All there are, the suite's first, each once.
  [[nodiscard]] std::vector<std::string> badmailDirs() const;
  struct Certificate {
    net::CertificateFiles files;
    std::string hostName;  ///< of the server that shows it
  };
  /// The suite's first, then those of virtual servers.
  [[nodiscard]] std::vector<Certificate> allCertificates() const;
  [[nodiscard]] const std::string& hostNameOf(const VirtualServer& server) const { return server.hostName.empty() ? hostName : server.hostName; }
  [[nodiscard]] std::string accountsDir() const { return dataDir + "/accounts"; }
  [[nodiscard]] std::string directoryDir() const { return dataDir + "/directory"; }
  [[nodiscard]] std::string socketPath(const std::string& name) const { return runDir + "/" + name + ".sock"; }

  [[nodiscard]] std::string spoolRoot() const { return spoolDir.empty() ? dataDir + "/spool" : spoolDir; }
};

/// One finding of the reader. All of a configuration's problems are reported together.
struct Problem {
  enum class Severity { warning, error } severity = Severity::error;
  Place place;
  std::string text;  ///< what is wrong, what is allowed, the nearest key if a key is unknown
};

struct Loaded {
  std::shared_ptr<const Config> config;  ///< null when there was an error
  std::vector<Problem> problems;
};

/// Reads FILE and conf.d/*.yaml beside it (in the order of their names; maps merge, lists and values replace). Paths
/// that do not start with "/" are below FILE's folder. Touches no other file: a daemon need not be able to read every
/// key.
[[nodiscard]] Loaded load(const std::string& file);
/// What only looking at the machine shows: certificates, keys, secrets, addresses and users that are not there. For `ostler check`.
[[nodiscard]] std::vector<Problem> checkFiles(const Config& config);
/// `file:line:column: error: text`, the form of every message about a configuration.
[[nodiscard]] std::string toText(const Problem& problem);

/// The settings for one process ("smtpd", "spool"), or for one of its virtual servers: `rules` applied.
[[nodiscard]] LogSettings logOf(const LogSettings& all, std::string_view process, std::string_view virtualServer = "");

/// One row of the schema, for the manual and `ostler check --keys`.
struct KeyInfo {
  std::string path;      ///< "smtp.virtual_servers[].limits.message_size"
  std::string type;      ///< "size", "duration", "number 1..65535", "list of networks", ...
  std::string standard;  ///< the default as one writes it; empty: nothing
  std::string meaning;
};
[[nodiscard]] std::vector<KeyInfo> describeKeys();

}  // namespace ostler::config
