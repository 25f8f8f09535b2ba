#include "libmailcore/config/schema.h"

#include "libmailcore/config/quantity.h"

namespace ostler::config {
namespace {

const std::vector<std::string_view> kMechanisms = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS",
                                                   "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5", "EXTERNAL", "OAUTHBEARER", "XOAUTH2", "GSSAPI"};
const std::vector<std::string_view> kLevels = {"trace", "debug", "info", "warn", "error"};
const std::vector<std::string_view> kRuleLevels = {"same", "trace", "debug", "info", "warn", "error"};
const std::vector<std::string_view> kProcesses = {"smtpd", "pop3d", "imapd", "auth", "spool", "out", "health", "ostler"};
constexpr std::uint64_t kYear = 366 * 86'400;
constexpr Range kPort{1, 65'535};
constexpr Range kRetry{1, kYear};
constexpr Range kWait{1, 86'400};
const std::vector<std::string_view> kAskers = {"nobody", "authenticated", "listed", "everybody"};

using Server = VirtualServer;
using Service = MailboxService;

std::size_t levelAt(const std::vector<std::string_view>& words, const std::string& word) {
  std::size_t at = 0;
  while (at + 1 < words.size() && words[at] != word) ++at;
  return at;
}

/// A level is kept as its word.
Slot level(std::string& member) {
  return Choice{kLevels, [&member](std::size_t at) { member = kLevels[at]; }, levelAt(kLevels, member)};
}

// ---- the table
// -------------------------------------------------------------------------------------------------------------------
// key, where it goes (its type), default, meaning, range. In limits 0 means unlimited.
// clang-format off: one row a line

const Row<Config> kConfig[] = {
    {"host_name", [](Config& c) -> Slot { return &c.hostName; }, "", "the name in greetings and trace fields; empty: the machine's"},
    {"data_dir", [](Config& c) -> Slot { return Path{&c.dataDir}; }, "/var/lib/ostler", "accounts/ and directory/"},
    {"spool_dir", [](Config& c) -> Slot { return Path{&c.spoolDir}; }, "", "pickup/ queue/ drop/ badmail/; empty: spool/ below data_dir"},
    {"run_dir", [](Config& c) -> Slot { return Path{&c.runDir}; }, "/run/ostler", "the sockets of the suite"},
    {"workers", [](Config& c) -> Slot { return &c.workers; }, "0", "event loops of smtpd, pop3d and imapd each; 0: one a core", {0, 1024}},
    {"user", [](Config& c) -> Slot { return &c.user; }, "", "the user the daemons become; empty: they stay who started them"},
    {"users.auth", [](Config& c) -> Slot { return &c.users["auth"]; }, "", "who queued's role auth was started as, where each process has a user of its own"},
    {"users.health", [](Config& c) -> Slot { return &c.users["health"]; }, "", "who queued's role health was started as, where each process has a user of its own"},
    {"users.imapd", [](Config& c) -> Slot { return &c.users["imapd"]; }, "", "who imapd was started as, where each process has a user of its own"},
    {"users.out", [](Config& c) -> Slot { return &c.users["out"]; }, "", "who queued's role out was started as, where each process has a user of its own"},
    {"users.pop3d", [](Config& c) -> Slot { return &c.users["pop3d"]; }, "", "who pop3d was started as, where each process has a user of its own"},
    {"users.smtpd", [](Config& c) -> Slot { return &c.users["smtpd"]; }, "", "who smtpd was started as, where each process has a user of its own"},
    {"users.spool", [](Config& c) -> Slot { return &c.users["spool"]; }, "", "who queued's role spool was started as, where each process has a user of its own"},
    {"tls.certificates", [](Config& c) -> Slot { return &c.certificates; }, "", "the servers' certificates; the first when SNI matches none. Files that were replaced are read again within a minute"},
    {"tls.client_ca", [](Config& c) -> Slot { return Path{&c.clientCa}; }, "", "clients are asked for a certificate of these authorities, for AUTH EXTERNAL"},

    {"log.target", [](Config& c) -> Slot { return choice(c.log.target, {"stderr", "journald", "syslog", "file", "nothing"}); }, "stderr", "where lines go"},
    {"log.format", [](Config& c) -> Slot { return choice(c.log.format, {"text", "json"}); }, "text", "key=value text or JSON lines"},
    {"log.file", [](Config& c) -> Slot { return Path{&c.log.file}; }, "", "for target file; opened anew on SIGHUP; strftime(3): %Y%m%d makes a file a day, %H an hour, %V a week, %m a month"},
    {"log.max_size", [](Config& c) -> Slot { return &c.log.maxSize; }, "0", "a file this large is put aside as FILE.DATE-TIME.INODE; 0: never"},
    {"log.syslog_server", [](Config& c) -> Slot { return &c.log.syslogServer; }, "", "for target syslog: the server to send to, as address:port; empty: the local one, which also gets what the server misses"},
    {"log.syslog_protocol", [](Config& c) -> Slot { return choice(c.log.syslogProtocol, {"udp", "tcp", "tls"}); }, "udp", "how it is spoken to: RFC 5426, RFC 6587 with octet counts, RFC 5425"},
    {"log.syslog_ca", [](Config& c) -> Slot { return Path{&c.log.syslogCa}; }, "", "for tls: who may have signed the server's certificate; empty: the system's roots"},
    {"log.syslog_name", [](Config& c) -> Slot { return &c.log.syslogName; }, "", "for tls: what the server's certificate must name; empty: its address"},
    {"log.level", [](Config& c) -> Slot { return level(c.log.level); }, "info", "lines below this level are not written"},
    {"log.modules", [](Config& c) -> Slot { return &c.log.modules; }, "", "a level of its own for a process, or for a part of one: {imapd: debug, store: warn}"},
    {"log.rules", [](Config& c) -> Slot { return &c.log.rules; }, "", "processes or virtual servers whose lines go elsewhere, or from another level on; each that fits changes what those before it said"},

    {"smtp", [](Config& c) -> Slot { return SmtpSection{&c.virtualServers}; }, "", "SMTP and LMTP in: settings of all virtual servers"},
    {"pop3", [](Config& c) -> Slot { return &c.pop3; }, "", "POP3; idle is 10m unless said"},
    {"imap", [](Config& c) -> Slot { return &c.imap; }, "", "IMAP"},

    {"queue.free_space_floor", [](Config& c) -> Slot { return Octets{&c.queue.freeSpaceFloor}; }, "64 MiB", "with less free disk new mail gets 452"},
    {"queue.segment_size", [](Config& c) -> Slot { return &c.queue.segmentSize; }, "16 MiB", "of one file of the journal", {1 << 20, 4ULL << 30}},
    {"queue.large_message", [](Config& c) -> Slot { return &c.queue.largeMessage; }, "256 KiB", "above this, content is a file of its own", {4096, 64ULL << 20}},
    {"queue.max_messages", [](Config& c) -> Slot { return &c.queue.maxMessages; }, "0", "in the queue at once"},
    {"queue.fdatasync_window", [](Config& c) -> Slot { return &c.queue.fdatasyncWindow; }, "0", "how long a commit may wait for company", {0, 1}},

    {"queue.history", [](Config& c) -> Slot { return &c.queue.history; }, "30d", "how long `ostler why` knows of a message; 0: for ever", {0, 10 * kYear}},
    {"queue.badmail_keep", [](Config& c) -> Slot { return &c.queue.badmailKeep; }, "90d", "then what lies in badmail/ is removed; 0: never", {0, 10 * kYear}},
    {"queue.badmail_size", [](Config& c) -> Slot { return &c.queue.badmailSize; }, "0", "the oldest of badmail/ goes when it is larger"},

    {"routes", [](Config& c) -> Slot { return &c.routes; }, "", "next hops by domain; the first match wins, none means MX"},

    {"outbound.concurrency", [](Config& c) -> Slot { return &c.outbound.concurrency; }, "100", "deliveries to other hosts at once; one that waits for its host for 2 s counts a tenth"},
    {"outbound.concurrency_per_destination", [](Config& c) -> Slot { return &c.outbound.concurrencyPerDestination; }, "30", "outgoing connections to one next hop"},
    {"outbound.rate_per_destination", [](Config& c) -> Slot { return &c.outbound.ratePerDestination; }, "", "messages to one next hop in a time, evenly: \"5/s\", \"100/10m\"; empty: as many as go"},
    {"outbound.messages_per_connection", [](Config& c) -> Slot { return &c.outbound.messagesPerConnection; }, "20", "then a new connection is made"},
    {"outbound.connect_timeout", [](Config& c) -> Slot { return &c.outbound.connectTimeout; }, "30s", "for one address", kWait},
    {"outbound.source_v4", [](Config& c) -> Slot { return &c.outbound.sourceV4; }, "", "the IPv4 address to send from"},
    {"outbound.source_v6", [](Config& c) -> Slot { return &c.outbound.sourceV6; }, "", "the IPv6 address to send from"},
    {"outbound.helo_name", [](Config& c) -> Slot { return &c.outbound.heloName; }, "", "what EHLO says; empty: host_name"},
    {"outbound.fallback_relays", [](Config& c) -> Slot { return &c.outbound.fallbackRelays; }, "", "hosts to try in their order when none of a domain can be reached"},
    {"outbound.ca_file", [](Config& c) -> Slot { return Path{&c.outbound.caFile}; }, "", "roots for verified TLS; empty: the system's"},
    {"outbound.certificate", [](Config& c) -> Slot { return Path{&c.outbound.certificate.certificate}; }, "", "what we show servers that ask for one, such as peers"},
    {"outbound.key", [](Config& c) -> Slot { return Path{&c.outbound.certificate.key}; }, "", "of outbound.certificate"},
    {"outbound.port", [](Config& c) -> Slot { return &c.outbound.port; }, "25", "where MX hosts listen; other than 25 for tests alone", kPort},

    {"reports.copy_to", [](Config& c) -> Slot { return &c.reports.copyTo; }, "", "an address that gets a copy of every report of a failure"},
    {"reports.templates", [](Config& c) -> Slot { return Path{&c.reports.templates}; }, "", "a folder with the words of reports: LANGUAGE.txt"},
    {"reports.language", [](Config& c) -> Slot { return &c.reports.language; }, "", "of reports; several with blanks between stand one below the other; empty: en"},
    {"reports.per_domain_hour", [](Config& c) -> Slot { return &c.reports.perDomainHour; }, "1000", "reports about strangers' mail to one domain in an hour; what is beyond goes to badmail/"},

    {"dns.servers", [](Config& c) -> Slot { return &c.dns.servers; }, "", "resolvers to ask, as address:port; empty: those of /etc/resolv.conf"},
    {"dns.recursive", [](Config& c) -> Slot { return &c.dns.recursive; }, "false", "without servers: resolve from the root servers down"},
    {"dns.stubs", [](Config& c) -> Slot { return &c.dns.stubs; }, "", "servers of single zones: {example.test: [\"127.0.0.1:5300\"]}"},
    {"dns.trust_anchors", [](Config& c) -> Slot { return &c.dns.trustAnchors; }, "", "DS or DNSKEY records in zone file form"},
    {"dns.hosts", [](Config& c) -> Slot { return &c.dns.hosts; }, "", "addresses that win over DNS: {mail.example.net: [192.0.2.1]}"},
    {"dns.use_etc_hosts", [](Config& c) -> Slot { return &c.dns.useEtcHosts; }, "false", "let /etc/hosts win over DNS"},
    {"dns.serve_expired", [](Config& c) -> Slot { return &c.dns.serveExpired; }, "false", "answer with expired data while all servers fail"},

    {"health.listeners", [](Config& c) -> Slot { return &c.healthListeners; }, "", "where /healthz, /readyz and /metrics are served over HTTP, such as 127.0.0.1:8025; empty: nowhere"},

    {"directory.tag_separator", [](Config& c) -> Slot { return &c.directory.tagSeparator; }, "+", "user+tag@ reaches user@; empty: no tags"},
    {"directory.aliases_file", [](Config& c) -> Slot { return Path{&c.directory.aliasesFile}; }, "", "in sendmail's syntax, loaded by newaliases"},
    {"directory.alias_files", [](Config& c) -> Slot { return &c.directory.aliasFiles; }, "false", "may aliases deliver to files, and take lists of members (:include:, up to 16 MiB); with systemd ostler-spool.service needs ReadWritePaths= for their folders"},
    {"directory.alias_pipes", [](Config& c) -> Slot { return &c.directory.aliasPipes; }, "false", "may aliases deliver to programs"},
    {"directory.pipe_user", [](Config& c) -> Slot { return &c.directory.pipeUser; }, "nobody", "whom programs behind aliases run as; empty: the system's user of the alias's name"},
    {"directory.pipe_timeout", [](Config& c) -> Slot { return &c.directory.pipeTimeout; }, "5m", "then such a program is ended, and tried again later", {1, 3600}},
    {"directory.postmaster", [](Config& c) -> Slot { return &c.directory.postmaster; }, "", "the address that reads postmaster@ of every local domain"},
    {"directory.system_accounts", [](Config& c) -> Slot { return &c.directory.systemAccounts; }, "", "the address that reads mail for accounts of this machine (passwd(5)) that are no users, such as www-data: as host_name, localhost or no domain names them; empty: they are unknown"},
    {"directory.failures_before_lockout", [](Config& c) -> Slot { return &c.directory.failuresBeforeLockout; }, "10", "wrong passwords of one account or client; 0: never", {0, 100'000}},
    {"directory.lockout", [](Config& c) -> Slot { return &c.directory.lockout; }, "15m", "how long", {0, 7 * 86'400}},
    {"directory.lockout_loopback", [](Config& c) -> Slot { return &c.directory.lockoutLoopback; }, "true", "clients on loopback too"},
    {"directory.lockout_exempt", [](Config& c) -> Slot { return &c.directory.lockoutExempt; }, "", "networks whose clients are never locked out, nor is an account for what comes from there; nor do their logins lift a lock"},
    {"oauth.jwks_file", [](Config& c) -> Slot { return Path{&c.oauth.jwksFile}; }, "", "the keys that sign bearer tokens, as a JWK set (RFC 7517)"},
    {"oauth.issuer", [](Config& c) -> Slot { return &c.oauth.issuer; }, "", "what a token's iss must be; empty: anything"},
    {"oauth.audience", [](Config& c) -> Slot { return &c.oauth.audience; }, "", "what a token's aud must hold; empty: anything"},
    {"oauth.user_claim", [](Config& c) -> Slot { return &c.oauth.userClaim; }, "email", "the claim that names the user"},
    {"oauth.scope", [](Config& c) -> Slot { return &c.oauth.scope; }, "", "a scope that a token must have; empty: none"},
    {"oauth.introspection.url", [](Config& c) -> Slot { return &c.oauth.introspectionUrl; }, "", "the https address of the server that is asked about tokens which no key of jwks_file has signed (RFC 7662)"},
    {"oauth.introspection.client_id", [](Config& c) -> Slot { return &c.oauth.clientId; }, "", "as whom it is asked"},
    {"oauth.introspection.secret_file", [](Config& c) -> Slot { return Path{&c.oauth.clientSecretFile}; }, "", "its first line is client_id's secret"},
    {"oauth.introspection.ca_file", [](Config& c) -> Slot { return Path{&c.oauth.introspectionCa}; }, "", "who may have signed the server's certificate; empty: the system's roots"},
    {"oauth.introspection.cache", [](Config& c) -> Slot { return &c.oauth.introspectionCache; }, "1m", "how long its answer is good; a token that was revoked is not refused sooner; 0: not kept", {0, 3600}},
    {"kerberos.keytab", [](Config& c) -> Slot { return Path{&c.kerberos.keytab}; }, "", "for GSSAPI: the keys of smtp/HOST, imap/HOST and pop/HOST, readable by auth alone"},
    {"kerberos.realm", [](Config& c) -> Slot { return &c.kerberos.realm; }, "", "of the users who may log in so; empty: that of the keys"},
    {"kerberos.domain", [](Config& c) -> Slot { return &c.kerberos.domain; }, "", "where alice@REALM has a mailbox; empty: the realm in lower case"},
    {"directory.verified_cache", [](Config& c) -> Slot { return &c.directory.verifiedCache; }, "10m", "how long a verified password needs no new hashing; 0: never", {0, 86'400}},
};

const Row<Server> kVirtualServer[] = {
    {"name", [](Server& s) -> Slot { return &s.name; }, "default", "in the log, and for tools"},
    {"host_name", [](Server& s) -> Slot { return &s.hostName; }, "", "in greeting and trace fields; empty: the suite's"},
    {"listeners", [](Server& s) -> Slot { return &s.listeners; }, "", "where it listens"},
    {"auth.mechanisms", [](Server& s) -> Slot { return Words{&s.auth.mechanisms, kMechanisms}; }, "SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN", "offered, best first"},
    {"auth.plaintext_from", [](Server& s) -> Slot { return &s.auth.plaintextFrom; }, "", "networks that may send passwords without TLS"},
    {"limits.message_size", [](Server& s) -> Slot { return &s.limits.messageSize; }, "35 MiB", "told in EHLO SIZE"},
    {"limits.recipients", [](Server& s) -> Slot { return &s.limits.recipients; }, "1000", "of one message; 100 at least (RFC 5321 4.5.3.1.8)"},
    {"limits.messages_per_connection", [](Server& s) -> Slot { return &s.limits.messagesPerConnection; }, "1000", "then 421"},
    {"limits.connections", [](Server& s) -> Slot { return &s.limits.connections; }, "10000", "at once"},
    {"limits.connections_per_client", [](Server& s) -> Slot { return &s.limits.connectionsPerClient; }, "100", "at once from one address"},
    {"limits.errors", [](Server& s) -> Slot { return &s.limits.errors; }, "20", "wrong commands and refused recipients, then 421"},
    {"limits.idle", [](Server& s) -> Slot { return &s.limits.idle; }, "5m", "waiting for a command (RFC 5321 4.5.3.2.7)", kWait},
    {"limits.hops", [](Server& s) -> Slot { return &s.limits.hops; }, "50", "Received fields of a message when it comes; with more it is a loop", {5, 1000}},
    {"relay_from", [](Server& s) -> Slot { return &s.relayFrom; }, "", "networks that may relay without AUTH; loopback is no exception"},
    {"relay_authenticated", [](Server& s) -> Slot { return &s.relayAuthenticated; }, "true", "who has authenticated may relay"},
    {"check_sender_domain", [](Server& s) -> Slot { return &s.checkSenderDomain; }, "true", "refuse senders whose domain does not exist"},
    {"check_helo", [](Server& s) -> Slot { return &s.checkHelo; }, "false", "refuse strangers whose HELO name does not exist, or is ours; not to postmaster"},
    {"limits.session_size", [](Server& s) -> Slot { return &s.limits.sessionSize; }, "0", "content of all messages of a session, then 421"},
    {"limits.connections_per_network", [](Server& s) -> Slot { return &s.limits.connectionsPerNetwork; }, "0", "at once from one /24 (IPv6: /48)"},
    {"limits.unknown_recipients", [](Server& s) -> Slot { return &s.limits.unknownRecipients; }, "20", "refused recipients, then 421"},
    {"limits.tarpit", [](Server& s) -> Slot { return &s.limits.tarpit; }, "1s", "how late errors are answered, once there were tarpit_after", {0, 60}},
    {"limits.tarpit_after", [](Server& s) -> Slot { return &s.limits.tarpitAfter; }, "10", "errors before the tarpit begins"},
    {"limits.greeting_delay", [](Server& s) -> Slot { return &s.limits.greetingDelay; }, "0", "before the greeting; who talks meanwhile is sent away", {0, 60}},
    {"limits.future_release", [](Server& s) -> Slot { return &s.limits.futureRelease; }, "7d", "the longest hold a user may ask for (RFC 4865); 0: not offered", {0, kYear}},
    {"limits.exempt", [](Server& s) -> Slot { return &s.limits.exempt; }, "", "networks without tarpit, greeting delay and rates"},
    {"rates.connections", [](Server& s) -> Slot { return &s.rates.connections; }, "0", "a minute from one client"},
    {"rates.messages", [](Server& s) -> Slot { return &s.rates.messages; }, "0", "a minute from one client"},
    {"rates.recipients", [](Server& s) -> Slot { return &s.rates.recipients; }, "0", "a minute from one client"},
    {"rates.network_connections", [](Server& s) -> Slot { return &s.rates.networkConnections; }, "0", "a minute from one /24 (IPv6: /48)"},
    {"rates.network_messages", [](Server& s) -> Slot { return &s.rates.networkMessages; }, "0", "a minute from one /24 (IPv6: /48)"},
    {"rates.etrn", [](Server& s) -> Slot { return &s.rates.etrn; }, "10", "ETRN commands a minute from one client"},
    {"sending.messages_per_hour", [](Server& s) -> Slot { return &s.sending.messagesPerHour; }, "0", "of one user who logged in; over it he is frozen until `ostler user thaw`"},
    {"sending.messages_per_day", [](Server& s) -> Slot { return &s.sending.messagesPerDay; }, "0", "of one user"},
    {"sending.recipients_per_hour", [](Server& s) -> Slot { return &s.sending.recipientsPerHour; }, "0", "of all messages of one user"},
    {"sending.recipients_per_day", [](Server& s) -> Slot { return &s.sending.recipientsPerDay; }, "0", "of all messages of one user"},
    {"sending.new_recipients_per_hour", [](Server& s) -> Slot { return &s.sending.newRecipientsPerHour; }, "0", "whom the user has never written to, since this was set"},
    {"sending.new_recipients_per_day", [](Server& s) -> Slot { return &s.sending.newRecipientsPerDay; }, "0", "whom the user has never written to, since this was set"},
    {"relay_from_names", [](Server& s) -> Slot { return &s.relayFromNames; }, "", "names of clients that may relay; .example.com: all below; while a name cannot be looked up, 451"},
    {"access.only", [](Server& s) -> Slot { return &s.accessOnly; }, "", "networks and names of clients that may connect; empty: everybody"},
    {"access.except", [](Server& s) -> Slot { return &s.accessExcept; }, "", "networks and names of clients that may not connect"},
    {"tls.certificates", [](Server& s) -> Slot { return &s.certificates; }, "", "its own, before the suite's; the first when SNI matches none"},
    {"operators", [](Server& s) -> Slot { return &s.operators; }, "", "system users, and @groups, that may administer mail that came in here; root may always"},
    {"badmail", [](Server& s) -> Slot { return Path{&s.badmail}; }, "", "its folder for what can be neither delivered nor returned; empty: badmail/ of spool_dir"},
    {"closed", [](Server& s) -> Slot { return &s.closed; }, "false", "takes no mail and says so (RFC 7504)"},
    {"tls_required", [](Server& s) -> Slot { return &s.tlsRequired; }, "false", "no MAIL without TLS"},
    {"auth.required", [](Server& s) -> Slot { return &s.authRequired; }, "false", "no MAIL without AUTH"},
    {"sender", [](Server& s) -> Slot { return choice(s.senderRule, {"own", "alias", "domain", "any"}); }, "alias", "the sender addresses of a user: its own, aliases that lead to it alone too, any of its domain, any at all"},
    {"vrfy", [](Server& s) -> Slot { return choice(s.vrfy, kAskers); }, "nobody", "who is told whether an address exists; listed: relay_from"},
    {"expn", [](Server& s) -> Slot { return choice(s.expn, kAskers); }, "nobody", "who is told where an alias leads"},
    {"etrn", [](Server& s) -> Slot { return choice(s.etrn, kAskers); }, "everybody", "who may have waiting mail started (RFC 1985)"},
    {"check_reverse_dns", [](Server& s) -> Slot { return &s.checkReverseDns; }, "false", "refuse strangers without a forward-confirmed name; not to postmaster"},
    {"default_domain", [](Server& s) -> Slot { return &s.defaultDomain; }, "", "put behind addresses without a domain that our users send"},
    {"masquerade_domain", [](Server& s) -> Slot { return &s.masqueradeDomain; }, "", "instead of the domain of our users in MAIL FROM"},
    {"rewrite_header", [](Server& s) -> Slot { return &s.rewriteHeader; }, "false", "both in the header of what they send, too: masquerade_domain in From, Sender and Reply-To, default_domain in To, Cc and Bcc as well; what they signed stays as it is"},
    {"xclient_from", [](Server& s) -> Slot { return &s.xclientFrom; }, "", "clients that may say who the client is"},
    {"xforward_from", [](Server& s) -> Slot { return &s.xforwardFrom; }, "", "clients that may say, for the log, where a message came from"},
    {"outbound.helo_name", [](Server& s) -> Slot { return &s.heloName; }, "", "what EHLO says for its mail; empty: the suite's"},
    {"outbound.source_v4", [](Server& s) -> Slot { return &s.sourceV4; }, "", "the IPv4 address its mail leaves from; empty: the suite's"},
    {"outbound.source_v6", [](Server& s) -> Slot { return &s.sourceV6; }, "", "the IPv6 address its mail leaves from; empty: the suite's"},
    {"retry", [](Server& s) -> Slot { return &s.retry; }, "", "when deferred mail is tried again"},
};

const Row<Service> kMailboxService[] = {
    {"listeners", [](Service& s) -> Slot { return &s.listeners; }, "", "where it listens"},
    {"auth.mechanisms", [](Service& s) -> Slot { return Words{&s.auth.mechanisms, kMechanisms}; }, "SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN", "offered, best first"},
    {"auth.plaintext_from", [](Service& s) -> Slot { return &s.auth.plaintextFrom; }, "", "networks that may send passwords without TLS"},
    {"idle", [](Service& s) -> Slot { return &s.idle; }, "30m", "waiting for a command (RFC 9051 5.4; RFC 1939 3)", kWait},
    {"connections", [](Service& s) -> Slot { return &s.connections; }, "50000", "at once"},
    {"connections_per_user", [](Service& s) -> Slot { return &s.connectionsPerUser; }, "100", "at once"},
};

const Row<Listener> kListener[] = {
    {"address", [](Listener& l) -> Slot { return &l.address; }, "", "192.0.2.1:25, [::]:25, or the path of a Unix socket"},
    {"tls", [](Listener& l) -> Slot { return choice(l.tls, {"none", "starttls", "implicit"}); }, "starttls", "implicit: from the first octet (RFC 8314)"},
    {"kind", [](Listener& l) -> Slot { return choice(l.kind, {"mx", "submission", "lmtp", "odmr"}); }, "mx", "smtp alone: strangers, our users, a trusted hop, or servers that fetch their mail with ATRN"},
    {"proxy_from", [](Listener& l) -> Slot { return &l.proxyFrom; }, "", "clients that must start with a PROXY header; nobody else may; who comes without an address in it is 0.0.0.0, on no list"},
};

const Row<RouteRule> kRouteRule[] = {
    {"domain", [](RouteRule& r) -> Slot { return &r.domain; }, "*", "example.com, .example.com (all below), or *"},
    {"action", [](RouteRule& r) -> Slot { return choice(r.action, {"mx", "smarthost", "lmtp", "drop", "reject", "forward", "peers"}); }, "mx", "what happens to mail for it"},
    {"sender", [](RouteRule& r) -> Slot { return &r.sender; }, "", "for mail from these alone: an address, example.com, or .example.com (all below)"},
    {"after_failures", [](RouteRule& r) -> Slot { return &r.afterFailures; }, "0", "passed over until so many attempts have failed", {0, 1000}},
    {"host", [](RouteRule& r) -> Slot { return &r.host; }, "", "of smarthost and lmtp: a name, [name] without MX look-up, [address], or a socket's path; of forward: the new domain; of drop: the domain whose folder it goes into"},
    {"fallback", [](RouteRule& r) -> Slot { return &r.fallback; }, "", "hosts to try in their order when none of its own can be reached: name or address, either with :port"},
    {"fallback_login", [](RouteRule& r) -> Slot { return &r.fallbackLogin; }, "false", "they are given user and password as well; otherwise nobody but its own host is"},
    {"relay", [](RouteRule& r) -> Slot { return &r.relay; }, "false", "strangers may send to it: we are its gateway or backup MX"},
    {"recipients", [](RouteRule& r) -> Slot { return &r.recipients; }, "", "of a relay domain: those there are, as local parts or addresses; unset: any"},
    {"recipients_file", [](RouteRule& r) -> Slot { return Path{&r.recipientsFile}; }, "", "the same, one a line; read at start and on SIGHUP; deferred (451) while it cannot be read"},
    {"call_ahead", [](RouteRule& r) -> Slot { return &r.callAhead; }, "false", "ask the next hop at RCPT whether the recipient is there; answers are kept"},
    {"peers", [](RouteRule& r) -> Slot { return &r.peers; }, "", "of action peers: servers that carry the domain with us, as address:port"},
    {"etrn.hold", [](RouteRule& r) -> Slot { return &r.etrn.hold; }, "false", "mail waits until the domain's server asks for it (RFC 1985)"},
    {"etrn.hold_for", [](RouteRule& r) -> Slot { return &r.etrn.holdFor; }, "0", "then it is sent unasked; 0: not before it expires", {0, kYear}},
    {"etrn.open", [](RouteRule& r) -> Slot { return &r.etrn.open; }, "15m", "after an ETRN new mail goes out at once for so long", {0, 86'400}},
    {"etrn.from", [](RouteRule& r) -> Slot { return &r.etrn.from; }, "", "networks that may ask"},
    {"etrn.certificates", [](RouteRule& r) -> Slot { return &r.etrn.certificates; }, "", "names in verified client certificates that may ask"},
    {"peer_certificates", [](RouteRule& r) -> Slot { return &r.peerCertificates; }, "", "names, one of which a peer's client certificate must bear to ask us; empty: its address will do"},
    {"etrn.users", [](RouteRule& r) -> Slot { return &r.etrn.users; }, "", "logged in users that may ask"},
    {"pace.concurrency", [](RouteRule& r) -> Slot { return &r.pace.concurrency; }, "0", "connections to one next hop; 0: outbound.concurrency_per_destination"},
    {"pace.messages_per_connection", [](RouteRule& r) -> Slot { return &r.pace.messagesPerConnection; }, "0", "0: outbound.messages_per_connection"},
    {"pace.rate", [](RouteRule& r) -> Slot { return &r.pace.rate; }, "", "messages to one next hop in a time, evenly: \"5/s\", \"100/10m\"; empty: outbound.rate_per_destination"},
    {"pace.per_minute", [](RouteRule& r) -> Slot { return &r.pace.perMinute; }, "0", "N is the same as rate: N/m", {0, 1'000'000}},
    {"pace.hours", [](RouteRule& r) -> Slot { return &r.pace.hours; }, "", "mail goes out then alone: \"22:00-06:00\", on the clock of the time zone of this machine (TZ, else /etc/localtime), which may be set in a night; empty: always"},
    {"port", [](RouteRule& r) -> Slot { return &r.port; }, "25", "of host", kPort},
    {"tls_verify", [](RouteRule& r) -> Slot { return choice(r.tlsVerify, {"none", "pkix", "dane"}); }, "none", "how the next hop's certificate is checked"},
    {"tls_required", [](RouteRule& r) -> Slot { return &r.tlsRequired; }, "false", "defer rather than send in clear"},
    {"user", [](RouteRule& r) -> Slot { return &r.user; }, "", "to authenticate as"},
    {"password_file", [](RouteRule& r) -> Slot { return Path{&r.passwordFile}; }, "", "its first line is the password"},
    {"retry", [](RouteRule& r) -> Slot { return &r.retry; }, "", "instead of the virtual server's"},
};

const Row<RetrySchedule> kRetrySchedule[] = {
    {"first", [](RetrySchedule& r) -> Slot { return &r.first; }, "15m", "from arrival to the second attempt", kRetry},
    {"second", [](RetrySchedule& r) -> Slot { return &r.second; }, "30m", "then", kRetry},
    {"third", [](RetrySchedule& r) -> Slot { return &r.third; }, "1h", "then", kRetry},
    {"subsequent", [](RetrySchedule& r) -> Slot { return &r.subsequent; }, "1h", "from then on", kRetry},
    {"delay_notice", [](RetrySchedule& r) -> Slot { return &r.delayNotice; }, "12h", "when the sender hears of the delay; 0: never", {0, kYear}},
    {"expiry", [](RetrySchedule& r) -> Slot { return &r.expiry; }, "5d", "when the message is given up (RFC 5321 4.5.4.1)", kRetry},
    {"attempts", [](RetrySchedule& r) -> Slot { return &r.attempts; }, "", "give up after so many tries in all; 0: never try again; unset: until expiry", {0, 1'000'000}},
};

const Row<LogRule> kLogRule[] = {
    {"process", [](LogRule& r) -> Slot { return Words{&r.processes, kProcesses}; }, "", "those it is about; unset: all"},
    {"virtual_server", [](LogRule& r) -> Slot { return &r.virtualServer; }, "", "the virtual server whose SMTP sessions, logins and mail it is about"},
    {"target", [](LogRule& r) -> Slot { return choice(r.target, {"stderr", "journald", "syslog", "file", "nothing", "same"}); }, "same", "where lines go"},
    {"file", [](LogRule& r) -> Slot { return Path{&r.file}; }, "", "for target file, as log.file"},
    {"level", [](LogRule& r) -> Slot { return Choice{kRuleLevels, [&r](std::size_t at) { r.level = kRuleLevels[at]; }, levelAt(kRuleLevels, r.level)}; }, "same", "lines below this level are not written"},
};

const Row<net::CertificateFiles> kCertificate[] = {
    {"certificate", [](net::CertificateFiles& c) -> Slot { return Path{&c.certificate}; }, "", "PEM, leaf first, then the chain"},
    {"key", [](net::CertificateFiles& c) -> Slot { return Path{&c.key}; }, "", "PEM"},
};

// clang-format on
// ---- words for types and values
// ---------------------------------------------------------------------------------------------------

std::string withRange(std::string type, const Range& range) {
  if (range.most == Range{}.most) return type;
  return type + " " + std::to_string(range.least) + ".." + std::to_string(range.most);
}

std::string joined(const std::vector<std::string_view>& words, std::string_view separator) {
  std::string out;
  for (const std::string_view word : words) out += (out.empty() ? "" : std::string(separator)) + std::string(word);
  return out;
}

struct TypeName {
  const Range& range;
  std::string operator()(bool*) const { return "true|false"; }
  std::string operator()(std::uint64_t*) const { return withRange("number", range); }
  std::string operator()(unsigned*) const { return withRange("number", range); }
  std::string operator()(std::uint16_t*) const { return withRange("number", range); }
  std::string operator()(std::optional<unsigned>*) const { return withRange("number", range); }
  std::string operator()(ByteCount*) const { return "size"; }
  std::string operator()(Octets) const { return "size"; }
  std::string operator()(seconds*) const { return "duration"; }
  std::string operator()(Rate*) const { return "rate"; }
  std::string operator()(std::string*) const { return "text"; }
  std::string operator()(Path) const { return "path"; }
  std::string operator()(const Choice& one) const { return joined(one.words, "|"); }
  std::string operator()(const Words& some) const { return "list of " + joined(some.allowed, "|"); }
  std::string operator()(net::Endpoint*) const { return "address:port"; }
  std::string operator()(std::optional<net::IpAddress>*) const { return "address"; }
  std::string operator()(std::vector<std::string>*) const { return "list of text"; }
  std::string operator()(std::vector<net::Cidr>*) const { return "list of networks"; }
  std::string operator()(ClientList*) const { return "list of networks and names"; }
  std::string operator()(std::vector<net::Endpoint>*) const { return "list of address:port"; }
  std::string operator()(std::map<std::string, std::string>*) const { return "map to " + joined(kLevels, "|"); }
  std::string operator()(std::map<std::string, std::vector<net::Endpoint>>*) const {
    return "map to lists of address:port";
  }
  std::string operator()(std::map<std::string, std::vector<net::IpAddress>>*) const {
    return "map to lists of addresses";
  }
  template <class R>
  std::string operator()(std::vector<R>*) const {
    return "list of sections";
  }
  template <class R>
  std::string operator()(const R&) const {
    return "section";
  }
};

template <class List, class Render>
std::string listText(const List& list, Render render) {
  std::string out;
  for (const auto& item : list) out += (out.empty() ? "" : ", ") + render(item);
  return out;
}

struct ValueText {
  std::string operator()(bool* v) const { return *v ? "true" : "false"; }
  std::string operator()(std::uint64_t* v) const { return std::to_string(*v); }
  std::string operator()(unsigned* v) const { return std::to_string(*v); }
  std::string operator()(std::uint16_t* v) const { return std::to_string(*v); }
  std::string operator()(std::optional<unsigned>* v) const { return *v ? std::to_string(**v) : ""; }
  std::string operator()(ByteCount* v) const { return toText(*v); }
  std::string operator()(Octets v) const { return toText(ByteCount{*v.count}); }
  std::string operator()(seconds* v) const { return toText(*v); }
  std::string operator()(Rate* v) const { return toText(*v); }
  std::string operator()(std::string* v) const { return *v; }
  std::string operator()(Path v) const { return *v.text; }
  std::string operator()(const Choice& v) const { return std::string(v.words.at(v.current)); }
  std::string operator()(const Words& v) const {
    return listText(*v.list, [](const std::string& word) { return word; });
  }
  std::string operator()(net::Endpoint* v) const { return *v == net::Endpoint{} ? "" : v->text(); }
  std::string operator()(std::optional<net::IpAddress>* v) const { return *v ? (*v)->text() : ""; }
  std::string operator()(std::vector<std::string>* v) const {
    return listText(*v, [](const std::string& word) { return word; });
  }
  std::string operator()(std::vector<net::Cidr>* v) const {
    return listText(*v, [](const net::Cidr& network) { return network.text(); });
  }
  std::string operator()(std::vector<net::Endpoint>* v) const {
    return listText(*v, [](const net::Endpoint& endpoint) { return endpoint.text(); });
  }
  template <class R>
  std::string operator()(const R&) const {
    return "";
  }
};

template <class Record>
void describe(const std::string& prefix, std::vector<KeyInfo>& out);

/// Goes down into the records that have a table of their own.
struct Descend {
  const std::string& path;
  std::vector<KeyInfo>& out;
  void operator()(SmtpSection) const {
    describe<VirtualServer>(path + ".", out);
    out.push_back({path + ".virtual_servers", "list of sections", "",
                   "each starts from smtp's own settings and has its own listeners"});
  }
  void operator()(MailboxService*) const { describe<MailboxService>(path + ".", out); }
  void operator()(RetrySchedule*) const { describe<RetrySchedule>(path + ".", out); }
  void operator()(std::optional<RetrySchedule>*) const { describe<RetrySchedule>(path + ".", out); }
  void operator()(std::vector<Listener>*) const { describe<Listener>(path + "[].", out); }
  void operator()(std::vector<RouteRule>*) const { describe<RouteRule>(path + "[].", out); }
  void operator()(std::vector<LogRule>*) const { describe<LogRule>(path + "[].", out); }
  void operator()(std::vector<net::CertificateFiles>*) const { describe<net::CertificateFiles>(path + "[].", out); }
  template <class R>
  void operator()(const R&) const {}
};

template <class Record>
void describe(const std::string& prefix, std::vector<KeyInfo>& out) {
  Record record;
  for (const Row<Record>& row : rows<Record>()) {
    const Slot slot = row.slot(record);
    const std::string path = prefix + std::string(row.key);
    out.push_back({path, typeName(slot, row.range), std::string(row.standard), std::string(row.meaning)});
    std::visit(Descend{path, out}, slot);
  }
}

}  // namespace

template <>
std::span<const Row<Config>> rows<Config>() {
  return kConfig;
}
template <>
std::span<const Row<VirtualServer>> rows<VirtualServer>() {
  return kVirtualServer;
}
template <>
std::span<const Row<MailboxService>> rows<MailboxService>() {
  return kMailboxService;
}
template <>
std::span<const Row<Listener>> rows<Listener>() {
  return kListener;
}
template <>
std::span<const Row<RouteRule>> rows<RouteRule>() {
  return kRouteRule;
}
template <>
std::span<const Row<RetrySchedule>> rows<RetrySchedule>() {
  return kRetrySchedule;
}
template <>
std::span<const Row<LogRule>> rows<LogRule>() {
  return kLogRule;
}
template <>
std::span<const Row<net::CertificateFiles>> rows<net::CertificateFiles>() {
  return kCertificate;
}

std::string typeName(const Slot& slot, const Range& range) {
  return std::visit(TypeName{range}, slot);
}
std::string valueText(const Slot& slot) {
  return std::visit(ValueText{}, slot);
}

std::vector<KeyInfo> describeKeys() {
  std::vector<KeyInfo> keys;
  describe<Config>("", keys);
  return keys;
}

}  // namespace ostler::config
