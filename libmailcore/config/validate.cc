// validate.cc - contradictions: values that are right one by one and wrong together.
#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"
#include "libmailcore/config/exposure.h"
#include "libmailcore/config/host_addresses.h"
#include "libmailcore/config/names.h"
#include "libmailcore/config/quantity.h"
#include "libmailcore/config/reader.h"
#include "libmailcore/config/route_faults.h"
#include "libmailcore/net/https_url.h"

namespace ostler::config {
namespace {

class Validator {
 public:
  Validator(const Config& config, std::vector<Problem>& problems) : config_(config), problems_(problems) {}

  void run() {
    top();
    for (const VirtualServer& server : config_.virtualServers) virtualServer(server);
    mailboxService("pop3", config_.pop3);
    mailboxService("imap", config_.imap);
    for (const RouteRule& rule : config_.routes) route(rule);
    const auto ours = [this](const net::Endpoint& there) { return isOurs(there); };
    for (Problem& fault : faultsOfRoutes(config_, at("outbound.fallback_relays"), ours)) problems_.push_back(std::move(fault));
    certificates();
    if (listeners_.empty()) warning(at(""), "nothing listens: no smtp, pop3 or imap listeners are set");
  }

 private:
  [[nodiscard]] Place at(std::string_view path) const { return config_.placeOf(path); }
  void error(const Place& place, std::string text) {
    problems_.push_back({Problem::Severity::error, place, std::move(text)});
  }
  void warning(const Place& place, std::string text) {
    problems_.push_back({Problem::Severity::warning, place, std::move(text)});
  }

  void top() {
    if (config_.hostName.find('.') == std::string::npos) {
      warning(at("host_name"),
              "host_name '" + config_.hostName + "' has no domain; other servers may refuse mail from such a name");
    }
    if (config_.places.contains("host_name")) ownName(at("host_name"), "host_name", config_.hostName);
    ownName(at("outbound.helo_name"), "outbound.helo_name", config_.outbound.heloName);
    source(at("outbound.source_v4"), "outbound.source_v4", config_.outbound.sourceV4, true);
    source(at("outbound.source_v6"), "outbound.source_v6", config_.outbound.sourceV6, false);
    tags();
    logs();
    constexpr std::size_t kLongestRunDir = 90;  // with the longest socket's name it must fit sun_path, 108 octets
    if (config_.runDir.size() > kLongestRunDir) {
      error(at("run_dir"),
            "run_dir is " + std::to_string(config_.runDir.size()) + " octets long; sockets need a path of at most 90");
    }
    if (!config_.dns.servers.empty() && config_.dns.recursive)
      error(at("dns.servers"), "dns.servers contradicts dns.recursive: choose one");
    if (!config_.reports.language.empty() && config_.reports.language != "en" && config_.reports.templates.empty())
      error(at("reports.language"), "reports.language needs reports.templates: the folder with " + config_.reports.language + ".txt");
    reports();
    introspection();
    // Beside it, in one batch: a report with such a message, its copy, and the end of what it tells of.
    if (config_.queue.largeMessage.octets > config_.queue.segmentSize.octets / 4)
      error(at("queue.large_message"), "queue.large_message is more than a quarter of queue.segment_size: what is smaller must fit into a segment together with what belongs to it");
    const std::string& owner = config_.directory.postmaster;
    if (!owner.empty() && owner.find('@') == std::string::npos)
      error(at("directory.postmaster"), "directory.postmaster must be an address, such as alice@example.com");
    const std::string& reader = config_.directory.systemAccounts;
    if (!reader.empty() && reader.find('@') == std::string::npos)
      error(at("directory.system_accounts"), "directory.system_accounts must be an address, such as root@example.com");
  }

  /// What is said in greetings, or stands behind an address.
  void ownName(const Place& place, const char* key, const std::string& name) {
    if (name.empty()) return;
    if (const std::string fault = faultOfOwnName(name); !fault.empty()) error(place, std::string(key) + ": " + fault);
  }
  void source(const Place& place, const char* key, const std::optional<net::IpAddress>& address, bool isV4) {
    if (address && address->isV4() != isV4) error(place, std::string(key) + ": " + address->text() + " is an address of the other family");
  }

  /// What cuts an address where every address has it would leave nobody's.
  void tags() {
    const auto isOfNames = [](char c) { return isAsciiAlnum(c) || !isAscii(c) || c == '@' || c == '"' || c == '\\' || c <= ' '; };
    const std::string& separators = config_.directory.tagSeparator;
    const auto wrong = std::ranges::find_if(separators, isOfNames);
    if (wrong != separators.end())
      error(at("directory.tag_separator"), "directory.tag_separator: '" + std::string(1, *wrong) + "' cannot begin a tag; usual are + and -");
  }

  void reports() {
    const std::string& to = config_.reports.copyTo;
    if (!to.empty() && (to.find('@') == std::string::npos || !faultOfSenders(to).empty())) error(at("reports.copy_to"), "reports.copy_to must be an address, such as postmaster@example.com");
    for (const std::string& relay : config_.outbound.fallbackRelays) {
      if (const std::string fault = faultOfHostAndPort(relay); !fault.empty()) error(at("outbound.fallback_relays"), "outbound.fallback_relays: " + fault);
    }
  }

  void introspection() {
    const OauthSettings& oauth = config_.oauth;
    if (oauth.introspectionUrl.empty()) return;
    if (const auto url = net::parseHttpsUrl(oauth.introspectionUrl); !url) error(at("oauth.introspection.url"), "oauth.introspection.url: " + url.error().detail);
    if (oauth.clientId.empty() != oauth.clientSecretFile.empty())
      error(at(oauth.clientId.empty() ? "oauth.introspection.secret_file" : "oauth.introspection.client_id"), "oauth.introspection.client_id and secret_file go together");
    if (oauth.clientId.empty()) warning(at("oauth.introspection.url"), "oauth.introspection.client_id is not set: servers answer those they know alone (RFC 7662 2.1)");
  }

  void logs() {
    const LogSettings& log = config_.log;
    if (log.target == LogTarget::file && log.file.empty()) error(at("log.target"), "log.target is file, but log.file is not set");
    if (log.target != LogTarget::file && !log.file.empty())
      warning(at("log.file"), "log.file is set, but log.target is not file: nothing is written there");
    const bool isTls = log.syslogProtocol == LogSettings::SyslogProtocol::tls;
    if (!isTls && (!log.syslogCa.empty() || !log.syslogName.empty()))
      error(at(log.syslogCa.empty() ? "log.syslog_name" : "log.syslog_ca"), "log.syslog_ca and log.syslog_name are for syslog_protocol: tls");
    for (const LogRule& rule : log.rules) logRule(rule);
  }

  void logRule(const LogRule& rule) {
    if (rule.target == LogTarget::file && rule.file.empty()) error(rule.place, "target file needs 'file'");
    if (rule.target != LogTarget::file && !rule.file.empty()) error(rule.place, "'file' needs target: file");
    if (rule.target == LogTarget::same && rule.level == "same") warning(rule.place, "this rule changes nothing: it has no target and no level");
    const auto isNamed = [&rule](const VirtualServer& server) { return server.name == rule.virtualServer; };
    if (!rule.virtualServer.empty() && std::ranges::none_of(config_.virtualServers, isNamed))
      error(rule.place, "there is no virtual server '" + rule.virtualServer + "'");
  }

  void virtualServer(const VirtualServer& server) {
    if (!names_.insert(asciiLower(server.name)).second)
      error(config_.placeOf(server, "name"), "a second virtual server is called '" + server.name + "'");
    for (const Listener& listener : server.listeners) {
      listen(listener, !server.certificates.empty());
      const bool needsLogin = listener.kind == SmtpKind::submission || listener.kind == SmtpKind::odmr;
      if (needsLogin && listener.tls == ListenerTls::none &&
          server.auth.plaintextFrom.empty()) {
        error(listener.place,
              "a submission listener with tls: none: nobody could authenticate; use starttls or implicit");
      }
      if (needsLogin && listener.tls == ListenerTls::startTls &&
          config_.certificates.empty() && server.certificates.empty() && server.auth.plaintextFrom.empty()) {
        error(listener.place, "a submission listener needs TLS to authenticate, but tls.certificates is empty");
      }
      if (listener.kind == SmtpKind::odmr && !anyHeld()) {
        warning(listener.place, "an odmr listener has nothing to give: no route has etrn.hold with etrn.users");
      }
      if (listener.kind == SmtpKind::lmtp && listener.address.unixPath.empty() && listener.address.port == 25) {
        error(listener.place, "LMTP must not be spoken on port 25 (RFC 2033 5): choose another, such as 24");
      }
      if (listener.kind == SmtpKind::lmtp && listener.address.unixPath.empty() &&
          !listener.address.address.isLoopback()) {
        warning(listener.place,
                "LMTP trusts its client, and " + listener.address.text() + " can be reached from other machines");
      }
    }
    const bool isOneOfSeveral = server.path != "smtp";
    if (isOneOfSeveral && server.listeners.empty()) warning(server.place, "the virtual server '" + server.name + "' has no listeners: it takes no mail");
    trust(server);
    refusals(server);
    ownNames(server);
    if (!server.accessOnly.empty() && !server.accessExcept.empty())
      error(config_.placeOf(server, "access.only"), "access.only contradicts access.except: choose one");
    plaintext("smtp", server.auth, [&](const char* key) { return config_.placeOf(server, key); });
    notBesideAnonymous(server);
    retry(server.retry, config_.placeOf(server, "retry"));
  }

  void ownNames(const VirtualServer& server) {
    const auto at = [&](const char* key) { return config_.placeOf(server, key); };
    ownName(at("host_name"), "host_name", server.hostName);
    ownName(at("outbound.helo_name"), "outbound.helo_name", server.heloName);
    ownName(at("default_domain"), "default_domain", server.defaultDomain);
    ownName(at("masquerade_domain"), "masquerade_domain", server.masqueradeDomain);
    source(at("outbound.source_v4"), "outbound.source_v4", server.sourceV4, true);
    source(at("outbound.source_v6"), "outbound.source_v6", server.sourceV6, false);
    if (server.rewriteHeader && server.defaultDomain.empty() && server.masqueradeDomain.empty())
      warning(at("rewrite_header"), "rewrite_header changes nothing: neither masquerade_domain nor default_domain is set");
    access(at("access.only"), "access.only", server.accessOnly);
    access(at("access.except"), "access.except", server.accessExcept);
  }

  /// Names that no client has: of access.only they would let in nobody, of access.except keep out nobody.
  void access(const Place& place, const char* key, const ClientList& clients) {
    for (const std::string& name : clients.names) {
      if (const std::string fault = faultOfClientName(name); !fault.empty()) error(place, std::string(key) + ": " + fault);
    }
  }

  /// Who may relay, and who may say that he is a client that may.
  void trust(const VirtualServer& server) {
    const auto at = [&](const char* key) { return config_.placeOf(server, key); };
    wide(at("relay_from"), "relay_from", server.relayFrom, ": this is an open relay, anybody could send through it", ", a very large network that may relay without AUTH");
    for (const std::string& name : server.relayFromNames) {
      if (const std::string fault = faultOfTrustedName(name); !fault.empty()) error(at("relay_from_names"), "'relay_from_names': " + fault);
    }
    const std::string_view claims = ": anybody could say that he is a client that may relay";
    const std::string_view manyClaim = ", a very large network whose hosts may say that they are a client that may relay";
    wide(at("xclient_from"), "xclient_from", server.xclientFrom, claims, manyClaim);
    for (const Listener& listener : server.listeners) {
      const bool isReached = listener.address.unixPath.empty() && !listener.address.address.isLoopback();
      if (isReached) wide(listener.place, "proxy_from", listener.proxyFrom, claims, manyClaim);
    }
  }

  void wide(const Place& place, const char* key, const std::vector<net::Cidr>& networks, std::string_view everybody, std::string_view large) {
    for (const WideNetwork& one : wideAmong(networks))
      warning(place, std::string(key) + " contains " + one.text + std::string(one.width == Width::everybody ? everybody : large));
  }

  /// Settings with which a server takes no mail, or less than it must.
  void refusals(const VirtualServer& server) {
    constexpr std::uint64_t kLeastRecipients = 100;  // RFC 5321 4.5.3.1.8
    if (server.limits.recipients != 0 && server.limits.recipients < kLeastRecipients)
      warning(config_.placeOf(server, "limits.recipients"), "limits.recipients is " + std::to_string(server.limits.recipients) + ": senders may count on 100 in a message (RFC 5321 4.5.3.1.8)");
    const bool hasCertificate = !config_.certificates.empty() || !server.certificates.empty();
    for (const Listener& listener : server.listeners) {
      const bool isClear = listener.tls == ListenerTls::none || (listener.tls == ListenerTls::startTls && !hasCertificate);
      if (server.tlsRequired && isClear) warning(listener.place, "tls_required is set, and this listener has no TLS: it takes no mail");
    }
  }

  static bool offers(const AuthSettings& auth, std::string_view mechanism) {
    return std::ranges::find(auth.mechanisms, mechanism) != auth.mechanisms.end();
  }

  /// Integrated authentication is for servers that know all of their clients.
  void notBesideAnonymous(const VirtualServer& server) {
    const bool isAnonymous = !server.authRequired && std::ranges::any_of(server.listeners, [](const Listener& one) { return one.kind == SmtpKind::mx; });
    if (isAnonymous && offers(server.auth, "GSSAPI")) {
      error(config_.placeOf(server, "auth.mechanisms"), "auth.mechanisms has GSSAPI, and strangers may send here without a login: set auth.required: true, or give the "
                          "submission listeners a virtual server of their own");
    }
  }

  [[nodiscard]] bool anyHeld() const {
    return std::ranges::any_of(config_.routes, [](const RouteRule& rule) { return rule.etrn.hold && !rule.etrn.users.empty(); });
  }

  void mailboxService(const char* name, const MailboxService& service) {
    for (const Listener& listener : service.listeners) {
      listen(listener);
      if (listener.kind != SmtpKind::mx)
        error(listener.place, std::string("'kind' is for smtp listeners, not for ") + name);
      const bool secure = listener.tls == ListenerTls::implicit ||
                          (listener.tls == ListenerTls::startTls && !config_.certificates.empty());
      if (!secure && service.auth.plaintextFrom.empty()) {
        warning(listener.place,
                std::string("nobody can log in here: passwords need TLS, or ") + name + ".auth.plaintext_from");
      }
    }
    plaintext(name, service.auth, [&](const char* key) { return at(std::string(name) + "." + key); });
  }

  /// What holds for every listener.
  void listen(const Listener& listener, bool hasCertificate = false) {
    if (listener.address == net::Endpoint{})
      return error(listener.place, "a listener needs an address, such as 192.0.2.1:25");
    const auto [there, isNew] = listeners_.emplace(listener.address, listener.place);
    if (!isNew)
      error(listener.place, listener.address.text() + " is listened on twice; the first is at " + there->second.text());
    if (listener.tls == ListenerTls::implicit && config_.certificates.empty() && !hasCertificate) {
      error(listener.place, "tls: implicit needs a certificate, but tls.certificates is empty");
    }
  }

  /// `at`: where a key of the service stands.
  void plaintext(const std::string& service, const AuthSettings& auth, const std::function<Place(const char*)>& at) {
    for (const net::Cidr& network : auth.plaintextFrom) {
      if (!network.network.isLoopback()) {
        warning(at("auth.plaintext_from"), service + ".auth.plaintext_from contains " + network.text() +
                           ": passwords cross that network in clear text");
      }
    }
    if (offers(auth, "GSSAPI") && config_.kerberos.keytab.empty()) error(at("auth.mechanisms"), service + ".auth.mechanisms has GSSAPI, which needs kerberos.keytab");
    const bool takesTokens = offers(auth, "OAUTHBEARER") || offers(auth, "XOAUTH2");
    if (takesTokens && config_.oauth.jwksFile.empty() && config_.oauth.introspectionUrl.empty()) {
      error(at("auth.mechanisms"), service + ".auth.mechanisms has OAUTHBEARER or XOAUTH2, which need oauth.jwks_file or oauth.introspection.url: no token could be good");
    }
    if (offers(auth, "EXTERNAL") && config_.clientCa.empty()) warning(at("auth.mechanisms"), service + ".auth.mechanisms has EXTERNAL, which needs tls.client_ca: no client is asked for a certificate");
    if (auth.mechanisms.empty()) warning(at("auth.mechanisms"), service + ".auth.mechanisms is empty: nobody can authenticate");
  }

  void retry(const RetrySchedule& schedule, const Place& place) {
    if (schedule.delayNotice.count() != 0 && schedule.delayNotice >= schedule.expiry) {
      warning(place, "retry.delay_notice is not before retry.expiry: nobody ever hears of a delay");
    }
    if (schedule.first >= schedule.expiry)
      warning(place, "retry.first is not before retry.expiry: nothing is ever tried twice");
  }

  void route(const RouteRule& rule) {
    using Action = RouteRule::Action;
    const bool needsHost =
        rule.action == Action::smarthost || rule.action == Action::lmtp || rule.action == Action::forward;
    if (needsHost && rule.host.empty()) {
      error(rule.place, rule.domain == "*" ? "a gateway for all mail needs a 'host'" : "this route needs a 'host'");
    }
    if (!needsHost && !rule.host.empty() && rule.action != Action::drop)
      error(rule.place, "'host' is for action smarthost, lmtp, forward and drop; with this action it means nothing");
    names(rule);
    relayDomain(rule);
    if (rule.action == Action::peers || !rule.peers.empty()) peers(rule);
    if (rule.action == Action::forward && isSameDomain(rule.domain, rule.host))
      error(rule.place, "this domain is forwarded to itself");
    etrn(rule);
    pace(rule);
    if (rule.user.empty() != rule.passwordFile.empty()) error(rule.place, "'user' and 'password_file' go together");
    if (!rule.user.empty() && !rule.tlsRequired)
      warning(rule.place, "a password may be sent in clear text: set tls_required: true");
    if (reached_) warning(rule.place, "this route is never reached: the one for '*' before it takes everything");
    if (rule.domain == "*" && rule.sender.empty() && rule.afterFailures == 0) reached_ = true;
    if (rule.retry) retry(*rule.retry, rule.place);
  }

  void names(const RouteRule& rule) {
    for (const std::string& fault : faultsOfNames(config_, rule)) error(rule.place, fault);
    const bool isBracketed = rule.host.starts_with('[') && rule.host.ends_with(']');
    const auto address = net::IpAddress::parse(isBracketed ? rule.host.substr(1, rule.host.size() - 2) : rule.host);
    const bool isHop = rule.action == RouteRule::Action::smarthost || rule.action == RouteRule::Action::lmtp;
    if (isHop && address && isOurs({*address, rule.port, {}}))
      warning(rule.place, rule.host + " port " + std::to_string(rule.port) + " is this server itself: mail would go in circles");
    const RouteRule* const before = ruleBefore(config_, rule);
    if (before != nullptr) warning(rule.place, "this route is never reached: the one at " + before->place.text() + " takes all of " + rule.domain);
  }

  void relayDomain(const RouteRule& rule) {
    const bool hasList = !rule.recipients.empty() || !rule.recipientsFile.empty();
    const bool isEverybodys = isAnybodys(rule.domain);  // ".com" is as good as "*" to a spammer
    if (rule.relay && isEverybodys)
      error(rule.place, "relay: true for '" + rule.domain + "' is an open relay: anybody could send to anybody; name the domain");
    if (rule.action == RouteRule::Action::forward && isEverybodys)
      error(rule.place, "forward for '" + rule.domain + "' takes mail for domains that are not yours; name the domain");
    if (!rule.relay && (hasList || rule.callAhead))
      error(rule.place, "'recipients', 'recipients_file' and 'call_ahead' are for a route with relay: true");
    const bool isForward = rule.action == RouteRule::Action::forward;
    const bool takesAll = rule.action == RouteRule::Action::drop;  // by its meaning: nothing comes back from there
    const bool knows = hasList || rule.callAhead || takesAll || rule.action == RouteRule::Action::reject;
    if (rule.relay && !knows) {
      warning(rule.place,
              "every recipient at " + rule.domain +
                  " is taken, and what " + (isForward ? rule.host : "its server") + " refuses comes back as a bounce to forged senders: give 'recipients', "
                  "'recipients_file' or call_ahead: true");
    }
    if (hasList && rule.callAhead) error(rule.place, "'call_ahead' and a list of recipients contradict each other");
  }

  void peers(const RouteRule& rule) {
    if (rule.action != RouteRule::Action::peers) return error(rule.place, "'peers' is for action peers");
    if (rule.peers.empty()) return error(rule.place, "action peers needs 'peers': the other servers as address:port");
    if (rule.domain == "*" || rule.domain.starts_with('.'))
      error(rule.place, "peers carry one domain: name it instead of '" + rule.domain + "'");
    for (const net::Endpoint& peer : rule.peers) {
      if (isOurs(peer))
        error(rule.place, peer.text() + " is an address of this server: it cannot be its own peer, mail would loop");
    }
    for (const VirtualServer& server : config_.virtualServers) {
      if (isSameDomain(server.defaultDomain, rule.domain)) {
        error(config_.placeOf(server, "default_domain"), "default_domain is " + rule.domain + ", which has peers: a bare name would mean a user of this server, "
                            "whoever of the peers has one of that name");
      }
      if (carries(server, rule.domain) && !hasAddressOfItsOwn(server)) {
        error(server.place, "the virtual server '" + server.name + "' carries " + rule.domain + ", which has peers, and so needs an "
                            "address of its own: its peers could not tell it from the others");
      }
    }
  }

  /// Is the virtual server there for that domain: by its name, or its host name?
  [[nodiscard]] static bool carries(const VirtualServer& server, const std::string& domain) {
    const std::string host = comparableDomain(server.hostName);
    const std::string wanted = comparableDomain(domain);
    return isSameDomain(server.name, wanted) || host == wanted || host.ends_with("." + wanted);
  }
  [[nodiscard]] bool hasAddressOfItsOwn(const VirtualServer& server) const {
    if (config_.virtualServers.size() < 2) return true;
    const auto isShared = [&](const Listener& listener) {
      if (isEveryAddress(listener.address.address)) return true;
      for (const VirtualServer& other : config_.virtualServers) {
        for (const Listener& theirs : other.listeners) {
          if (&other != &server && theirs.address.address == listener.address.address) return true;
        }
      }
      return false;
    };
    return std::any_of(server.listeners.begin(), server.listeners.end(), [&](const Listener& listener) { return !isShared(listener); });
  }

  /// Do we listen there? Listeners on every address count with their port.
  [[nodiscard]] bool isOurs(const net::Endpoint& at) const {
    for (const VirtualServer& server : config_.virtualServers) {
      for (const Listener& listener : server.listeners) {
        if (listener.address == at) return true;
        const bool isEverywhere = isEveryAddress(listener.address.address) && listener.address.port == at.port;
        if (isEverywhere && (at.address.isLoopback() || isOfThisHost(at.address))) return true;
      }
    }
    return false;
  }

  void etrn(const RouteRule& rule) {
    const EtrnRule& etrn = rule.etrn;
    const bool anybodyMay = !etrn.from.empty() || !etrn.users.empty() || !etrn.certificates.empty();
    if (!etrn.hold && anybodyMay) warning(rule.place, "who may ask with ETRN is said, but etrn.hold is not set");
    if (!etrn.hold) return;
    if (rule.domain == "*") error(rule.place, "etrn.hold needs a domain, not '*'");
    if (!anybodyMay && etrn.holdFor.count() == 0) {
      error(rule.place, "mail for " + rule.domain + " is held for ETRN, but nobody may ask: set etrn.from, "
                        "etrn.users or etrn.certificates, or let it go with etrn.hold_for");
    }
    const RetrySchedule& schedule = rule.retry ? *rule.retry
                                    : config_.virtualServers.empty() ? kStandard
                                                                     : config_.virtualServers.front().retry;
    if (etrn.holdFor >= schedule.expiry && etrn.holdFor.count() != 0)
      warning(rule.place, "etrn.hold_for is not before retry.expiry: the mail is given up before it is sent");
    for (const seconds interval : {schedule.first, schedule.second, schedule.third, schedule.subsequent}) {
      if (interval <= etrn.open || etrn.open.count() == 0) continue;
      warning(rule.place, "a retry interval of " + toText(interval) + " is longer than the " + toText(etrn.open) +
                              " that etrn.open lets mail out: a failed attempt waits for the next ETRN");
      break;
    }
  }

  void pace(const RouteRule& rule) {
    if (rule.pace.rate.count != 0 && rule.pace.perMinute != 0) error(rule.place, "'pace.rate' and 'pace.per_minute' say the same thing twice: leave one of them away");
    if (rule.pace.hours.empty()) return;
    const auto windows = parseHours(rule.pace.hours);
    if (!windows) return error(rule.place, "'pace.hours': " + windows.error().detail + ", not '" + rule.pace.hours + "'");
    unsigned longest = 0;
    for (const HourWindow& window : *windows) longest = std::max(longest, (window.to + 1440 - window.from) % 1440);
    const RetrySchedule& schedule = rule.retry ? *rule.retry
                                    : config_.virtualServers.empty() ? kStandard
                                                                     : config_.virtualServers.front().retry;
    for (const seconds interval : {schedule.first, schedule.second, schedule.third, schedule.subsequent}) {
      if (interval.count() <= static_cast<long>(longest) * 60) continue;
      warning(rule.place, "a retry interval of " + toText(interval) + " is longer than the delivery window: a failed "
                          "attempt waits for the next window");
      break;
    }
    if (schedule.expiry < seconds(86'400)) warning(rule.place, "retry.expiry is shorter than a day, and pace.hours opens once a day");
  }

  void certificates() {
    const net::CertificateFiles& ours = config_.outbound.certificate;
    if (ours.certificate.empty() != ours.key.empty()) error(at(ours.key.empty() ? "outbound.certificate" : "outbound.key"), "'outbound.certificate' and 'outbound.key' go together");
    for (const net::CertificateFiles& pair : config_.certificates) whole(pair, at("tls.certificates"));
    for (const VirtualServer& server : config_.virtualServers) {
      for (const net::CertificateFiles& pair : server.certificates) whole(pair, config_.placeOf(server, "tls.certificates"));
    }
  }
  void whole(const net::CertificateFiles& pair, const Place& place) {
    if (pair.certificate.empty() || pair.key.empty()) error(place, "each of tls.certificates needs 'certificate' and 'key'");
  }

  static inline const RetrySchedule kStandard{};
  const Config& config_;
  std::vector<Problem>& problems_;
  std::map<net::Endpoint, Place> listeners_;
  std::set<std::string> names_;
  bool reached_ = false;
};

}  // namespace

void validate(const Config& config, std::vector<Problem>& problems) {
  Validator(config, problems).run();
}

}  // namespace ostler::config
