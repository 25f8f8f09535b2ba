#include "libmailcore/config/config.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "libmailcore/config/reader.h"
#include "libmailcore/config/run_dir.h"
#include "libmailcore/config/schema.h"
#include "tests/unit/support/temporary_folder.h"

using namespace ostler;
using namespace ostler::config;
namespace fs = std::filesystem;

namespace {

/// A folder with a configuration, gone afterwards.
class ConfigFolder : public test::TemporaryFolder {
 public:
  [[nodiscard]] std::string file(const std::string& name = "ostler.yaml") const { return TemporaryFolder::file(name); }
  void write(const std::string& name, const std::string& content) const {
    fs::create_directories(fs::path(file(name)).parent_path());
    std::ofstream(file(name)) << content;
  }
};

constexpr const char* kGood = R"(
host_name: mail.example.test
tls: {certificates: [{certificate: cert.pem, key: /etc/key.pem}]}
smtp:
  limits: {message_size: 10 MiB, errors: 7}
  listeners:
    - {address: "127.0.0.1:2025", kind: mx}
    - {address: "[::1]:2465", kind: submission, tls: implicit}
imap:
  idle: 45m
  listeners: [{address: "127.0.0.1:2143"}]
)";

Loaded loadText(const std::string& text) {
  const ConfigFolder folder;
  folder.write("ostler.yaml", text);
  return load(folder.file());
}

/// All problems, places without the folder.
std::string problemsOf(const std::string& text) {
  std::string all;
  for (const Problem& problem : loadText(text).problems) {
    const std::string line = toText(problem);
    all += line.substr(line.find("ostler.yaml")) + "\n";
  }
  return all;
}

template <class Record>
void compareDefaults(Record record) {
  for (const Row<Record>& row : rows<Record>()) {
    CAPTURE(row.key);
    CHECK(valueText(row.slot(record)) == row.standard);
    CHECK_FALSE(row.meaning.empty());
  }
}

}  // namespace

TEST_CASE("the defaults in the schema are those of the structs") {
  compareDefaults(Config{});
  compareDefaults(VirtualServer{});
  compareDefaults(MailboxService{});
  compareDefaults(Listener{});
  compareDefaults(RouteRule{});
  compareDefaults(RetrySchedule{});
  compareDefaults(net::CertificateFiles{});
  CHECK(Config{}.pop3.idle == std::chrono::minutes(10));
}

TEST_CASE("a configuration becomes typed values") {
  const ConfigFolder folder;
  folder.write("ostler.yaml", kGood);
  const Loaded loaded = load(folder.file());
  for (const Problem& problem : loaded.problems) UNSCOPED_INFO(toText(problem));
  REQUIRE(loaded.config);
  CHECK(loaded.problems.empty());
  const Config& config = *loaded.config;
  CHECK(config.hostName == "mail.example.test");
  CHECK(config.certificates.at(0).certificate == folder.path() + "/cert.pem");
  CHECK(config.certificates.at(0).key == "/etc/key.pem");
  const VirtualServer& server = config.virtualServers.at(0);
  CHECK(server.name == "default");
  CHECK(server.limits.messageSize == 10_MiB);
  CHECK(server.limits.errors == 7);
  CHECK(server.limits.recipients == 1000);
  REQUIRE(server.listeners.size() == 2);
  CHECK(server.listeners[1].address.text() == "[::1]:2465");
  CHECK(server.listeners[1].kind == SmtpKind::submission);
  CHECK(server.listeners[1].tls == ListenerTls::implicit);
  CHECK(server.listeners[1].place.line == 8);
  CHECK(config.imap.idle == std::chrono::minutes(45));
}

TEST_CASE("the profiles have the figures of the servers they are named after") {
  const auto with = [](const char* profile) {
    const ConfigFolder folder;
    folder.write("ostler.yaml", "host_name: a.test\nsmtp: {listeners: [{address: \"127.0.0.1:1\"}]}\n");
    fs::create_directories(folder.file("conf.d"));
    fs::copy_file(std::string("etc/profiles/") + profile, folder.file("conf.d/profile.yaml"));
    return load(folder.file()).config;
  };
  const auto classic = with("iis-smtp.yaml");
  REQUIRE(classic);
  const VirtualServer& server = classic->virtualServers.at(0);
  CHECK(server.limits.messageSize == 2048_KiB);
  CHECK(server.limits.sessionSize == 10240_KiB);
  CHECK(server.limits.messagesPerConnection == 20);
  CHECK(server.limits.recipients == 100);
  CHECK(server.limits.hops == 15);
  CHECK(server.limits.idle == std::chrono::minutes(10));
  CHECK(server.retry.subsequent == std::chrono::minutes(15));
  CHECK(server.retry.expiry == std::chrono::hours(48));
  const auto imail = with("imail.yaml");
  REQUIRE(imail);
  CHECK(imail->virtualServers.at(0).retry.attempts == 20U);
  CHECK(imail->virtualServers.at(0).retry.first == std::chrono::minutes(30));
  CHECK(imail->outbound.concurrency == 30);
}

TEST_CASE("virtual servers start from the settings of smtp") {
  const Loaded loaded = loadText(R"(
host_name: a.test
smtp:
  limits: {errors: 3}
  virtual_servers:
    - {name: one, listeners: [{address: "127.0.0.1:1"}]}
    - {name: two, limits: {errors: 4, hops: 9}, listeners: [{address: "127.0.0.1:2"}]}
)");
  REQUIRE(loaded.config);
  REQUIRE(loaded.config->virtualServers.size() == 2);
  CHECK(loaded.config->virtualServers[0].limits.errors == 3);
  CHECK(loaded.config->virtualServers[1].limits.errors == 4);
  CHECK(loaded.config->virtualServers[1].limits.hops == 9);
  CHECK(loaded.config->virtualServers[1].place.line == 7);
}

TEST_CASE("all problems are reported together with their places and the nearest key") {
  const std::string problems = problemsOf(R"(host_name: a.test
smpt: {}
workers: many
log: {level: inof, colour: red}
smtp:
  limits:
    mesage_size: 1 MiB
    idle: 3 fortnights
    hops: 2000
  relay_from: 10.0.0.0/8
  listeners: [{address: "nowhere"}]
pop3: []
queue: {message_size: 3}
)");
  CAPTURE(problems);
  for (const char* expected : {
           "ostler.yaml:2:1: error: unknown key 'smpt'; did you mean 'smtp'?\n",
           "ostler.yaml:3:10: error: 'workers' must be a whole number, not 'many'\n",
           "ostler.yaml:4:14: error: 'log.level' must be one of trace, debug, info, warn, error, not 'inof'; did you "
           "mean 'info'?\n",
           "ostler.yaml:4:20: error: unknown key 'log.colour'; known here: file format level max_size modules rules syslog_ca syslog_name syslog_protocol syslog_server target\n",
           "ostler.yaml:7:5: error: unknown key 'smtp.limits.mesage_size'; did you mean 'message_size'?\n",
           "ostler.yaml:8:11: error: 'smtp.limits.idle': a duration is",
           "ostler.yaml:9:11: error: 'smtp.limits.hops' must be from 5 to 1000, not 2000\n",
           "ostler.yaml:10:15: error: 'smtp.relay_from' must be a list of networks, such as [a, b]\n",
           "ostler.yaml:11:25: error: 'smtp.listeners[0].address' must be an address with a port",
           "ostler.yaml:12:7: error: 'pop3' must be a section of keys and values\n",
           "ostler.yaml:13:9: error: unknown key 'queue.message_size'; did you mean 'smtp.limits.message_size'?\n",
       }) {
    CHECK_THAT(problems, Catch::Contains(expected));
  }
}

TEST_CASE("contradictions are found") {
  struct Row {
    const char* name;
    const char* text;
    const char* expected;
  };
  for (const Row& row : {
           Row{"implicit TLS without a certificate", "imap: {listeners: [{address: '127.0.0.1:1', tls: implicit}]}",
               "ostler.yaml:1:20: error: tls: implicit needs a certificate"},
           Row{"submission without TLS", "smtp: {listeners: [{address: '127.0.0.1:1', tls: none, kind: submission}]}",
               "error: a submission listener with tls: none"},
           Row{"LMTP where SMTP is expected", "smtp: {listeners: [{address: '127.0.0.1:25', kind: lmtp}]}",
               "error: LMTP must not be spoken on port 25"},
           Row{"open relay", "smtp: {relay_from: [0.0.0.0/0]}",
               "warning: relay_from contains 0.0.0.0/0: this is an open relay"},
           Row{"an open relay in pieces", "smtp: {relay_from: [1.0.0.0/8, 2.0.0.0/7, 4.0.0.0/6, 8.0.0.0/5, 16.0.0.0/4]}", "relay_from contains 2.0.0.0/7, a very large network"},
           Row{"an open relay for who says a client's address", "smtp: {relay_from: [10.0.0.0/8], xclient_from: ['0.0.0.0/0']}",
               "warning: xclient_from contains 0.0.0.0/0: anybody could say that he is a client that may relay"},
           Row{"an open relay for who sends a PROXY header", "smtp: {relay_from: [10.0.0.0/8], listeners: [{address: '192.0.2.1:25', proxy_from: ['::/0']}]}",
               "ostler.yaml:1:46: warning: proxy_from contains ::/0: anybody could say"},
           Row{"an open relay for a top-level domain", "smtp: {relay_from_names: [.com]}", "error: 'relay_from_names': '.com' is an open relay"},
           Row{"a client without a name", "smtp: {relay_from_names: ['']}", "error: 'relay_from_names': '' matches no client"},
           Row{"a client that is a dot", "smtp: {relay_from_names: [.]}", "error: 'relay_from_names': '.' matches no client"},
           Row{"all clients by name", "smtp: {relay_from_names: ['*']}", "error: 'relay_from_names': '*' matches no client"},
           Row{"TLS required where there is none", "smtp: {tls_required: true, listeners: [{address: '192.0.2.1:25', tls: none}]}",
               "warning: tls_required is set, and this listener has no TLS"},
           Row{"fewer recipients than a server must take", "smtp: {limits: {recipients: 1}}", "warning: limits.recipients is 1: senders may count on 100"},
           Row{"one address twice",
               "smtp: {listeners: [{address: '127.0.0.1:1'}]}\npop3: {listeners: [{address: '127.0.0.1:1'}]}",
               "ostler.yaml:2:20: error: 127.0.0.1:1 is listened on twice; the first is at"},
           Row{"a route without a host", "routes: [{domain: a.test, action: smarthost}]",
               "error: this route needs a 'host'"},
           Row{"a gateway for everybody without a host", "routes: [{domain: '*', action: smarthost}]", "needs a 'host'"},
           Row{"an open relay by route", "routes: [{domain: '*', relay: true}]", "open relay"},
           Row{"a relay for all who pay for a name below a public suffix", "routes: [{domain: .co.uk, relay: true}]", "open relay"},
           Row{"a relay for a whole top-level domain", "routes: [{domain: .test, relay: true}]", "open relay"},
           Row{"other people's domains forwarded", "routes: [{domain: '*', action: forward, host: a.test}]", "not yours"},
           Row{"a relay domain that takes any recipient", "routes: [{domain: a.test, relay: true}]", "comes back as a bounce"},
           Row{"peers without addresses", "routes: [{domain: a.test, action: peers}]", "needs 'peers'"},
           Row{"our own address among the peers, listened on with all others",
               "smtp: {listeners: [{address: '0.0.0.0:2525'}]}\nroutes: [{domain: a.test, action: peers, peers: ['127.0.0.1:2525']}]",
               "cannot be its own peer"},
           Row{"a default domain that has peers",
               "smtp: {default_domain: a.test}\nroutes: [{domain: A.test, action: peers, peers: ['192.0.2.9:25']}]",
               "default_domain is"},
           Row{"peers for a virtual server that shares its address",
               "smtp: {virtual_servers: [{name: one, listeners: [{address: '192.0.2.1:25'}]}, "
               "{name: a.test, listeners: [{address: '192.0.2.1:2525'}]}]}\n"
               "routes: [{domain: a.test, action: peers, peers: ['192.0.2.9:25']}]",
               "needs an address of its own"},
           Row{"our own address among the peers",
               "smtp: {listeners: [{address: '192.0.2.1:25'}]}\nroutes: [{domain: a.test, action: peers, peers: ['192.0.2.1:25']}]",
               "cannot be its own peer"},
           Row{"a domain forwarded to itself", "routes: [{domain: a.test, action: forward, host: A.test}]", "to itself"},
           Row{"a rate said twice", "routes: [{domain: a.test, pace: {rate: 5/s, per_minute: 10}}]", "say the same thing twice"},
           Row{"no rate", "routes: [{domain: a.test, pace: {rate: 5 per second}}]", "a rate is a number, a slash and a time"},
           Row{"held for nobody", "routes: [{domain: a.test, etrn: {hold: true}}]", "nobody may ask"},
           Row{"retried less often than the line is up",
               "routes: [{domain: a.test, etrn: {hold: true, from: [192.0.2.0/24]}}]", "longer than the 15m that"},
           Row{"a route behind the catch-all", "routes: [{domain: '*'}, {domain: a.test}]",
               "warning: this route is never reached"},
           Row{"a port in a host's name", "routes: [{domain: '*', action: smarthost, host: 'mail.a.test:587'}]", "error: 'host': 'mail.a.test:587' has a port in it"},
           Row{"a host that is none", "routes: [{domain: '*', action: smarthost, host: '[mail.a.test'}]", "is no [name] and no [address]"},
           Row{"a route for an address", "routes: [{domain: a@a.test, action: reject}]", "error: 'domain': 'a@a.test' is an address"},
           Row{"a star before a domain", "routes: [{domain: '*.a.test', action: reject}]", "is written '.a.test'"},
           Row{"a sender that nobody is", "routes: [{domain: a.test, sender: '@b.test', action: reject}]", "error: 'sender': '@b.test': a domain is written without the @"},
           Row{"a folder that is no domain", "routes: [{domain: a.test, action: drop, host: ../etc}]", "error: 'host': '../etc' is not one domain"},
           Row{"a fallback that is no host", "routes: [{domain: a.test, fallback: [b.test, 'c d']}]", "error: 'fallback': 'c d' is no name of a host"},
           Row{"fallback relays that are no hosts", "outbound: {fallback_relays: ['b.test:99999']}", "outbound.fallback_relays: 'b.test:99999': a port is"},
           Row{"domains forwarded in a circle", "routes: [{domain: a.test, action: forward, host: b.test}, {domain: b.test, action: forward, host: c.test}, {domain: c.test, action: forward, host: A.test}]",
               "error: mail for b.test is forwarded in a circle"},
           Row{"a gateway that is ourselves", "smtp: {listeners: [{address: '127.0.0.1:2525'}]}\nroutes: [{domain: '*', action: smarthost, host: '[127.0.0.1]', port: 2525}]",
               "warning: [127.0.0.1] port 2525 is this server itself"},
           Row{"a second route for a domain", "routes: [{domain: a.test}, {domain: A.test, action: reject}]", "never reached: the one at"},
           Row{"a default domain that is none", "smtp: {default_domain: '-bad-..x y'}", "error: default_domain: '-bad-..x y' is no name of a host or domain"},
           Row{"a hyphen before a domain", "smtp: {default_domain: -a.test}", "error: default_domain: '-a.test' is no name"},
           Row{"a masquerade that is no domain", "smtp: {masquerade_domain: 'a b>'}", "error: masquerade_domain: 'a b>' is no name"},
           Row{"a greeting that is no name", "smtp: {host_name: 'bad name; x'}", "error: host_name: 'bad name; x' is no name"},
           Row{"an address for a name", "outbound: {helo_name: 192.0.2.1}", "error: outbound.helo_name: '192.0.2.1' is an address: write it in brackets"},
           Row{"a source of the other family", "smtp: {outbound: {source_v4: '2001:db8::1'}}", "error: outbound.source_v4: 2001:db8::1 is an address of the other family"},
           Row{"nobody let in", "smtp: {access: {only: ['*']}}", "error: access.only: '*' matches no client"},
           Row{"nobody kept out", "smtp: {access: {except: [.a..b]}}", "error: access.except: '.a..b' is no domain"},
           Row{"EXTERNAL without authorities", "smtp: {auth: {mechanisms: [EXTERNAL]}}", "warning: smtp.auth.mechanisms has EXTERNAL, which needs tls.client_ca"},
           Row{"a tag that begins at the domain", "directory: {tag_separator: '@'}", "error: directory.tag_separator: '@' cannot begin a tag"},
           Row{"a tag that begins at a letter", "directory: {tag_separator: '+x'}", "error: directory.tag_separator: 'x' cannot begin a tag"},
           Row{"a virtual server nobody reaches", "smtp: {virtual_servers: [{name: a}]}", "warning: the virtual server 'a' has no listeners"},
           Row{"a header rewritten to nothing", "smtp: {rewrite_header: true}", "warning: rewrite_header changes nothing"},
           Row{"a copy of reports to nobody", "reports: {copy_to: postmaster}", "reports.copy_to must be an address"},
           Row{"bearer tokens that nothing could prove", "imap: {auth: {mechanisms: [PLAIN, OAUTHBEARER]}}",
               "error: imap.auth.mechanisms has OAUTHBEARER or XOAUTH2, which need oauth.jwks_file"},
           Row{"a log file without a name", "log: {target: file}",
               "error: log.target is file, but log.file is not set"},
           Row{"listeners twice", "smtp: {listeners: [{address: '127.0.0.1:1'}], virtual_servers: []}",
               "error: 'smtp.listeners' contradicts 'smtp.virtual_servers'"},
       }) {
    CAPTURE(row.name);
    CHECK_THAT(problemsOf(row.text), Catch::Contains(row.expected));
  }
}

TEST_CASE("where the suite runs is known with errors elsewhere; not where what would say it cannot be read") {
  struct Row {
    const char* name;
    const char* main;
    const char* dropIn;
    const char* expected;
  };
  for (const Row& row : {
           Row{"an unknown key in a drop-in", "run_dir: /run/second", "bogus: 1", "/run/second"},
           Row{"a wrong value", "run_dir: /run/second\nsmtp: {limits: {errors: many}}", "", "/run/second"},
           Row{"a drop-in that is no YAML", "run_dir: /run/second", "a: [", "/run/second"},
           Row{"the standard", "bogus: 1", "", "/run/ostler"},
           Row{"it might stand in what is no YAML", "host_name: a.test", "a: [", ""},
           Row{"no YAML at all", "a: [", "", ""},
           Row{"it is no path", "run_dir: [a]", "", ""},
       }) {
    CAPTURE(row.name);
    const ConfigFolder folder;
    folder.write("ostler.yaml", row.main);
    folder.write("conf.d/50-more.yaml", row.dropIn);
    CHECK(runDirOf(folder.file()) == row.expected);
  }
}

TEST_CASE("what hands over a message knows names and folders with errors elsewhere, and what it does not know") {
  struct Row {
    const char* name;
    const char* main;
    const char* dropIn;
    const char* runDir;
    const char* pickup;
    bool knowsRunDir;
    bool knowsSpool;
  };
  for (const Row& row : {
           Row{"an unknown key", "run_dir: /run/second\nspool_dir: /srv/spool", "bogus: 1", "/run/second", "/srv/spool/pickup", true, true},
           Row{"the folders might stand in what is no YAML", "run_dir: /run/second", "a: [", "/run/second", "/var/lib/ostler/spool/pickup", true, false},
           Row{"no YAML at all", "a: [", "", "/run/ostler", "/var/lib/ostler/spool/pickup", false, false},
       }) {
    CAPTURE(row.name);
    const ConfigFolder folder;
    folder.write("ostler.yaml", row.main);
    folder.write("conf.d/50-more.yaml", row.dropIn);
    const Handover handover = handoverOf(folder.file());
    CHECK(handover.config->runDir == row.runDir);
    CHECK(handover.config->pickupDir() == row.pickup);
    CHECK(handover.knowsRunDir == row.knowsRunDir);
    CHECK(handover.knowsSpool == row.knowsSpool);
    CHECK_FALSE(handover.config->hostName.empty());
  }
  const Handover before = handoverOf("/nonexistent/ostler.yaml");
  CHECK(before.config->runDir == "/run/ostler");
  CHECK(before.knowsRunDir);
  CHECK(before.knowsSpool);
}

TEST_CASE("conf.d is merged in the order of its names: maps merge, lists and values replace") {
  const ConfigFolder folder;
  folder.write("ostler.yaml", kGood);
  folder.write("conf.d/20-b.yaml", "smtp: {limits: {errors: 9}}\n");
  folder.write("conf.d/10-a.yaml",
               "smtp:\n  limits: {errors: 8, hops: 11}\n  listeners: [{address: '127.0.0.1:3'}]\nimap:\n");
  folder.write("conf.d/.hidden.yaml", "nonsense: 1\n");
  folder.write("conf.d/notes.txt", "nonsense: 1\n");
  const Loaded loaded = load(folder.file());
  REQUIRE(loaded.config);
  const VirtualServer& server = loaded.config->virtualServers.at(0);
  CHECK(server.limits.errors == 9);
  CHECK(server.limits.hops == 11);
  CHECK(server.limits.messageSize == 10_MiB);
  REQUIRE(server.listeners.size() == 1);
  CHECK(server.listeners[0].place.text() == folder.file("conf.d/10-a.yaml") + ":3:15");
  CHECK(loaded.config->imap.listeners.size() == 1);
}

TEST_CASE("a file that is missing, no YAML, or says a key twice is refused with its place") {
  CHECK_FALSE(load("/nonexistent/ostler.yaml").config);
  CHECK_THAT(problemsOf("a: [1\nb: 2\n"), Catch::Contains("error: this is not YAML"));
  CHECK_THAT(problemsOf("workers: 1\nworkers: 2\n"),
             Catch::Contains("ostler.yaml:2:1: error: 'workers' stands here a second time"));
  CHECK_THAT(problemsOf("- 1\n"), Catch::Contains("error: the file must be a map"));
  CHECK_FALSE(loadText("a: &x [*x]\n").config);
}

TEST_CASE("a reload gives a new snapshot and leaves the old one as it was") {
  const ConfigFolder folder;
  folder.write("ostler.yaml", kGood);
  const auto before = load(folder.file()).config;
  folder.write("conf.d/a.yaml", "smtp: {limits: {errors: 1}}\n");
  const auto after = load(folder.file()).config;
  REQUIRE((before && after));
  CHECK(before->virtualServers[0].limits.errors == 7);
  CHECK(after->virtualServers[0].limits.errors == 1);
}

TEST_CASE("every key is described with a type and a meaning, once") {
  std::vector<std::string> paths;
  for (const KeyInfo& key : describeKeys()) {
    CAPTURE(key.path);
    CHECK_FALSE(key.type.empty());
    CHECK_FALSE(key.meaning.empty());
    CHECK(std::find(paths.begin(), paths.end(), key.path) == paths.end());
    paths.push_back(key.path);
  }
  CHECK(std::find(paths.begin(), paths.end(), "smtp.listeners[].address") != paths.end());
}

TEST_CASE("every configuration that is shipped is read without a complaint") {
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator("etc")) {
    if (entry.path().extension() != ".yaml") continue;
    ++count;
    const bool whole = entry.path().parent_path().filename() != "profiles";
    for (const Problem& problem : load(entry.path().string()).problems) {
      if (whole || problem.severity == Problem::Severity::error) FAIL_CHECK(toText(problem));
    }
  }
  CHECK(count >= 6);
}

TEST_CASE("the commented sample names every key, with its default") {
  std::ifstream in("etc/ostler.yaml");
  const std::string sample((std::istreambuf_iterator<char>(in)), {});
  for (const KeyInfo& key : describeKeys()) {
    CAPTURE(key.path);
    const std::string last = key.path.substr(key.path.rfind('.') + 1);
    if (last == "port" && key.path.starts_with("outbound")) continue;  // for tests alone
    CHECK(sample.find(last + ":") != std::string::npos);
  }
}

TEST_CASE("a route's domains are read in A-labels, and shown as they were written") {
  const ConfigFolder folder;
  folder.write("ostler.yaml", std::string("host_name: mail.example.test\nroutes:\n"
                              "  - {domain: \"B\u00fccher.example\", sender: \"Anna@b\u00fccher.example\", action: smarthost, host: \"[192.0.2.9]\", relay: true, recipients: [\"anna@b\u00fccher.example\"]}\n"
                              "  - {domain: Plain.example, action: drop, host: b\u00fccher.example}\n"
                              "  - {domain: old.example, action: forward, host: b\u00fccher.example}\n"));
  const Loaded loaded = load(folder.file());
  REQUIRE(loaded.config);
  const RouteRule& rule = loaded.config->routes.at(0);
  CHECK(rule.domain == "xn--bcher-kva.example");
  CHECK(rule.shown() == "B\u00fccher.example");
  CHECK(rule.sender == "anna@xn--bcher-kva.example");
  CHECK(rule.recipients == std::vector<std::string>{"anna@xn--bcher-kva.example"});
  CHECK(loaded.config->routes.at(1).shown() == "Plain.example");
  CHECK(loaded.config->routes.at(1).host == "xn--bcher-kva.example");
  CHECK(loaded.config->routes.at(2).host == "xn--bcher-kva.example");
}

TEST_CASE("names in the tables of DNS are read in A-labels, and what is written in two forms is one") {
  const ConfigFolder folder;
  folder.write("ostler.yaml", std::string("host_name: mail.example.test\ndns:\n"
                              "  hosts: {\"MX.B\u00fccher.example\": [192.0.2.1], mx.xn--bcher-kva.example: [192.0.2.2]}\n"
                              "  stubs: {\"b\u00fccher.example\": [\"127.0.0.1:5300\"]}\n"));
  const Loaded loaded = load(folder.file());
  REQUIRE(loaded.config);
  REQUIRE(loaded.config->dns.hosts.size() == 1);
  CHECK(loaded.config->dns.hosts.at("mx.xn--bcher-kva.example").size() == 2);
  CHECK(loaded.config->dns.stubs.count("xn--bcher-kva.example") == 1);
}

TEST_CASE("what is wrong with domains is found although one is written in U-labels and the other in A-labels") {
  struct Row {
    const char* routes;
    const char* said;
  };
  const Row rows[] = {
      {"  - {domain: b\u00fccher.example, action: reject}\n  - {domain: xn--bcher-kva.example, action: drop}\n", "never reached"},
      {"  - {domain: b\u00fccher.example, action: forward, host: xn--bcher-kva.example}\n", "forwarded to itself"},
      {"  - {domain: b\u00fccher.example, action: forward, host: b.test}\n  - {domain: b.test, action: forward, host: xn--bcher-kva.example}\n", "in a circle"},
      {"  - {domain: \"\uff0a\", action: reject}\n", "is no domain"},  // a full-width asterisk
      {"  - {domain: \"-\u00fc.example\", action: reject}\n", "is no domain"},
  };
  for (const Row& row : rows) {
    INFO(row.routes);
    const ConfigFolder folder;
    folder.write("ostler.yaml", std::string("host_name: mail.example.test\nroutes:\n") + row.routes);
    std::string said;
    for (const Problem& problem : load(folder.file()).problems) said += toText(problem) + "\n";
    CHECK_THAT(said, Catch::Contains(row.said));
  }
}

TEST_CASE("what is kept in the log must fit into one file of it") {
  const ConfigFolder folder;
  for (const auto& [size, isGood] : {std::pair{"256 KiB", true}, {"257 KiB", false}}) {
    folder.write("ostler.yaml", std::string("host_name: mail.example.test\nqueue: {segment_size: 1 MiB, large_message: ") + size + "}\n");
    INFO(size);
    CHECK((load(folder.file()).config != nullptr) == isGood);
  }
}

TEST_CASE("badmail does not lie where mail is taken from, nor in the queue; a list of recipients is no folder") {
  struct Row {
    const char* text;
    const char* expected;
  };
  for (const Row& row : {
           Row{"smtp: {badmail: spool/pickup}", "the badmail folder"},
           Row{"smtp: {badmail: spool/queue/bad}", "the badmail folder"},
           Row{"smtp: {badmail: spool/bad}", ""},
           Row{"routes: [{domain: a.test, relay: true, recipients_file: /}]", "recipients_file / is a folder"},
           Row{"routes: [{domain: a.test, relay: true, recipients_file: /nowhere/list}]", "ostler.yaml:3:10: error: the configuration names this file: /nowhere/list: No such file"},
       }) {
    CAPTURE(row.text);
    const ConfigFolder folder;
    folder.write("ostler.yaml", std::string("host_name: a.example.com\nspool_dir: spool\n") + row.text + "\n");
    const Loaded loaded = load(folder.file());
    REQUIRE(loaded.config);
    std::string said;
    for (const Problem& problem : checkFiles(*loaded.config)) said += toText(problem) + "\n";
    if (*row.expected == '\0') {
      CHECK(said.empty());
    } else {
      CHECK_THAT(said, Catch::Contains(row.expected));
    }
  }
}

TEST_CASE("what is wrong is told at its key, be that in a drop-in or in what virtual servers start from") {
  struct Row {
    const char* name;
    const char* main;
    const char* dropIn;
    const char* expected;  ///< the end of a place, and how the words begin
  };
  for (const Row& row : {
           Row{"below other keys", "smtp:\n  vrfy: nobody\n  relay_from: [0.0.0.0/0]", "", "ostler.yaml:4:3: warning: relay_from"},
           Row{"names", "smtp:\n  vrfy: nobody\n  relay_from_names: ['*']", "", "ostler.yaml:4:3: error: 'relay_from_names'"},
           Row{"in a section", "smtp:\n  vrfy: nobody\n  limits:\n    recipients: 1", "", "ostler.yaml:5:5: warning: limits.recipients"},
           Row{"in a drop-in", "smtp:\n  vrfy: nobody", "smtp: {relay_from: [0.0.0.0/0]}", "conf.d/a.yaml:1:8: warning: relay_from"},
           Row{"of one virtual server", "smtp:\n  relay_from: []\n  virtual_servers:\n  - name: a\n    relay_from: [0.0.0.0/0]", "", "ostler.yaml:6:5: warning: relay_from"},
           Row{"of all virtual servers", "smtp:\n  relay_from: [0.0.0.0/0]\n  virtual_servers:\n  - name: a", "", "ostler.yaml:3:3: warning: relay_from"},
           Row{"of POP3", "pop3:\n  idle: 10m\n  auth: {mechanisms: [OAUTHBEARER]}", "", "ostler.yaml:4:10: error: pop3.auth.mechanisms"},
           Row{"tokens", "oauth:\n  introspection: {url: 'http://a.test/'}", "", "ostler.yaml:3:19: error: oauth.introspection.url"},
           Row{"reports", "workers: 1\nreports: {copy_to: nobody}", "", "ostler.yaml:3:11: error: reports.copy_to"},
       }) {
    CAPTURE(row.name);
    const ConfigFolder folder;
    folder.write("ostler.yaml", std::string("host_name: mail.example.test\n") + row.main + "\n");
    if (*row.dropIn != '\0') folder.write("conf.d/a.yaml", row.dropIn);
    std::string said;
    for (const Problem& problem : load(folder.file()).problems) said += toText(problem) + "\n";
    CHECK_THAT(said, Catch::Contains(row.expected));
  }
}

TEST_CASE("what we call ourselves is read in A-labels") {
  const auto loaded = loadText("host_name: mail.b\u00fccher.example\nsmtp: {host_name: MX.B\u00dcCHER.example, default_domain: b\u00fccher.example, masquerade_domain: Plain.example}\n");
  REQUIRE(loaded.config);
  CHECK(loaded.config->hostName == "mail.xn--bcher-kva.example");
  CHECK(loaded.config->virtualServers.at(0).hostName == "mx.xn--bcher-kva.example");
  CHECK(loaded.config->virtualServers.at(0).defaultDomain == "xn--bcher-kva.example");
  CHECK(loaded.config->virtualServers.at(0).masqueradeDomain == "Plain.example");
}

TEST_CASE("files that hold something else, and people and addresses that this machine does not have, are told at their keys") {
  struct Row {
    const char* text;
    const char* expected;
  };
  for (const Row& row : {
           Row{"tls: {client_ca: /etc/passwd}", "ostler.yaml:3:7: error: tls.client_ca: /etc/passwd holds no certificate"},
           Row{"outbound: {ca_file: /etc/passwd}", "ostler.yaml:3:12: error: outbound.ca_file: /etc/passwd holds no certificate"},
           Row{"outbound: {certificate: /etc/passwd, key: /etc/passwd}", "ostler.yaml:3:38: error: /etc/passwd holds no certificate"},
           Row{"tls: {certificates: [{certificate: /etc/passwd, key: /etc/passwd}]}", "ostler.yaml:3:23: error: /etc/passwd holds no certificate"},
           Row{"smtp: {tls: {certificates: [{certificate: /nowhere, key: /nowhere}]}}", "ostler.yaml:3:30: error: the configuration names this file: /nowhere"},
           Row{"routes: [{domain: a.test, action: smarthost, host: b.test, user: x, password_file: /dev/null}]", "ostler.yaml:3:10: error: /dev/null holds no password"},
           Row{"routes: [{domain: a.test, action: smarthost, host: b.test, user: x, password_file: /}]", "ostler.yaml:3:10: error: / holds no password"},
           Row{"oauth: {introspection: {url: 'https://a.test/', client_id: a, secret_file: /dev/null}}", "error: /dev/null holds no password"},
           Row{"user: no-such-user", "ostler.yaml:3:1: error: user: this machine has no user no-such-user"},
           Row{"users: {smtpd: no-such-user}", "ostler.yaml:3:9: error: users.smtpd: this machine has no user no-such-user"},
           Row{"log: {target: file, file: /nowhere/at/all/ostler.log}", "ostler.yaml:3:21: error: log.file: there is no folder /nowhere/at/all"},
           Row{"oauth: {jwks_file: /nowhere}", "ostler.yaml:3:9: error: the configuration names this file: /nowhere"},
           Row{"smtp: {operators: [root, no-such-user, '@no-such-group']}", "ostler.yaml:3:8: warning: operators: this machine has no user no-such-user"},
           Row{"smtp: {operators: ['@no-such-group']}", "ostler.yaml:3:8: warning: operators: this machine has no group no-such-group"},
           Row{"imap: {listeners: [{address: '192.0.2.77:143'}]}", "ostler.yaml:3:20: warning: no interface of this machine has 192.0.2.77"},
           Row{"smtp: {outbound: {source_v4: 192.0.2.77}}", "ostler.yaml:3:19: warning: no interface of this machine has 192.0.2.77"},
       }) {
    CAPTURE(row.text);
    const ConfigFolder folder;
    folder.write("ostler.yaml", std::string("host_name: a.example.com\nspool_dir: spool\n") + row.text + "\n");
    const Loaded loaded = load(folder.file());
    REQUIRE(loaded.config);
    std::string said;
    for (const Problem& problem : checkFiles(*loaded.config)) said += toText(problem) + "\n";
    CHECK_THAT(said, Catch::Contains(row.expected));
  }
}
