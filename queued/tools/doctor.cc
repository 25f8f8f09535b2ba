// doctor.cc - ostler doctor: looks at everything that mail depends on and says what is wrong: configuration, keys, certificates,
// folders, listeners, TLS, DNS, clock, disk; and sends a message round the loop.
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "libmailcore/async/loop.h"
#include "libmailcore/base/ascii.h"
#include "libmailcore/config/quantity.h"
#include "libmailcore/directory/own/own_directory.h"
#include "libmailcore/dns/unbound_resolver.h"
#include "libmailcore/net/certificate.h"
#include "queued/health/disk_room.h"
#include "queued/health/probe.h"
#include "queued/tools/common.h"
#include "queued/tools/dns_options.h"
#include "queued/tools/dns_records.h"
#include "queued/tools/doctor_tls.h"
#include "queued/tools/in_force.h"
#include "queued/tools/port_holder.h"
#include "queued/tools/problems.h"
#include "queued/tools/roles.h"
#include "queued/tools/spf.h"

namespace ostler::tools {
namespace {

using config::Config;

constexpr std::chrono::seconds kDnsWait{10};
constexpr std::chrono::seconds kLoopWait{15};

/// What was found, printed as it is found.
class Findings {
 public:
  explicit Findings(const CommonOptions& options) : options_(options) {}
  void good(const std::string& what) { print("ok", what); }
  void warn(const std::string& what) {
    warned_ = true;
    print("warning", what);
  }
  void bad(const std::string& what) {
    bad_ = true;
    print("error", what);
  }
  [[nodiscard]] int exitStatus() const { return bad_ ? 1 : warned_ ? 2 : EX_OK; }

 private:
  void print(const char* severity, const std::string& what) const {
    if (options_.json)
      fmt::print("{}\n", nlohmann::json{{"severity", severity}, {"text", what}}.dump());
    else
      fmt::print("{:<8} {}\n", severity, what);
  }
  const CommonOptions& options_;
  bool warned_ = false;
  bool bad_ = false;
};

void lookAtConfiguration(Findings& findings, const std::vector<config::Problem>& problems) {
  for (const config::Problem& problem : problems) {
    const bool isError = problem.severity == config::Problem::Severity::error;
    isError ? findings.bad(config::toText(problem)) : findings.warn(config::toText(problem));
  }
  if (problems.empty()) findings.good("the configuration has no problems");
}

/// Keys and passwords are for who needs them. What is not there, the configuration's own check tells.
void lookAtSecret(Findings& findings, const std::string& file) {
  struct stat status{};
  const bool isOpen = ::stat(file.c_str(), &status) == 0 && (status.st_mode & 07) != 0;
  if (isOpen) findings.bad(file + " can be read by every user; chmod o-rwx");
}

void lookAtKeys(Findings& findings, const Config& config) {
  for (const config::RouteRule& rule : config.routes) lookAtSecret(findings, rule.passwordFile);
  for (const std::string& file : {config.oauth.clientSecretFile, config.outbound.certificate.key}) lookAtSecret(findings, file);
  for (const auto& [pair, hostName] : config.allCertificates()) {
    lookAtSecret(findings, pair.key);
    const auto facts = net::readCertificate(pair.certificate, hostName);
    if (!facts) continue;
    if (!facts->namesHost) findings.warn(pair.certificate + " does not name " + hostName);
    if (facts->selfSigned) findings.warn(pair.certificate + " is self-signed: clients will not trust it");
    if (facts->namesHost && !facts->selfSigned) findings.good(pair.certificate + " names " + hostName);
  }
}

bool lookAtListeners(Findings& findings, const Config& config) {
  bool all = true;
  for (const health::Probe& probe : health::probesOf(config)) {
    if (health::answers(probe)) continue;
    all = false;
    findings.bad(faultOf(probe));
  }
  if (!mayAskRoles(config)) {
    findings.warn("the processes are not asked: " + config.socketPath("control") + " is for administrators; run this as root");
    return false;
  }
  for (const RoleAnswer& answer : askRoles(config)) {
    if (answer.up) continue;
    all = false;
    findings.bad("the process " + answer.role + " does not answer; see its log");
  }
  if (all) findings.good("every listener answers, and every process behind them");
  return all;
}

/// What somebody stopped on purpose is easily forgotten.
void lookAtQueue(Findings& findings, const Config& config) {
  const nlohmann::json numbers = askSpool(config, {"queue", "summary"});
  if (!numbers.is_object()) return;
  if (numbers.value("stopped", 0) != 0) findings.bad("the queue takes no mail: see `ostler status`");
  if (numbers.value("outbound_stopped", 0) != 0) findings.warn("mail to other hosts is held back since `ostler queue disable`; `ostler queue enable` lets it go");
  for (const auto& one : numbers.value("destinations", nlohmann::json::array())) {
    const std::string state = one.value("state", std::string());
    if (state == "held" || state == "frozen")
      findings.warn("mail for " + one.value("name", std::string()) + " is " + state + "; see `ostler queue destinations`");
  }
}

void lookAtMachine(Findings& findings, const Config& config) {
  timex clock{};
  const int state = ::adjtimex(&clock);
  if (state == TIME_ERROR || (clock.status & STA_UNSYNC) != 0)
    findings.warn("no time server sets this machine's clock; dates of mail and expiry of certificates depend on it");
  else
    findings.good("the clock is set by a time server");
  for (const health::DiskRoom& disk : health::disksOf(config)) {
    const std::string text = disk.folder + " has " + config::toText(ByteCount{disk.freeOctets >> 20 << 20}) + " free";
    if (!disk.isEnough) {
      findings.bad(text + ", " + health::kNoRoom);
    } else if (disk.freeOctets < config.queue.freeSpaceFloor * 2) {
      findings.bad(text + ": below " + config::toText(ByteCount{config.queue.freeSpaceFloor}) + " (queue.free_space_floor) new mail is refused; make room");
    } else {
      findings.good(text);
    }
  }
}

/// The DNS's answer; tempfail when there is none.
class Dns {
 public:
  explicit Dns(const Config& config)
      : resolver_(dns::UnboundResolver::create(loop_, dnsOptions(config.dns), std::make_shared<dns::AnswerCache>())) {}
  dns::Answer ask(const std::string& name, dns::Type type) {
    if (!resolver_) return {};
    const auto answer = loop_.runUntilDone((*resolver_)->lookup(name, type, Deadline::after(kDnsWait)));
    return answer ? *answer : dns::Answer{};
  }

 private:
  Loop loop_;
  Result<std::unique_ptr<dns::UnboundResolver>> resolver_;
};

std::string withoutDot(std::string name) {
  if (name.ends_with('.')) name.pop_back();
  return asciiLower(name);
}

std::vector<net::IpAddress> addressesOf(Dns& dns, const std::string& name) {
  std::vector<net::IpAddress> addresses = dns.ask(name, dns::Type::a).addresses;
  for (const net::IpAddress& address : dns.ask(name, dns::Type::aaaa).addresses) addresses.push_back(address);
  return addresses;
}

/// Which of our addresses may send for the domain. `sender`: all but the address.
void lookAtSpf(Findings& findings, Dns& dns, SpfSender sender, const std::vector<net::IpAddress>& ours) {
  std::vector<std::string> records = dns.ask(sender.domain, dns::Type::txt).texts;
  std::erase_if(records, [](const std::string& text) { return !isSpf(text); });
  if (records.empty()) return findings.warn(sender.domain + " has no SPF record (RFC 7208)");
  if (records.size() > 1) return findings.bad(fmt::format("{} has {} SPF records, and so none that counts; join them (RFC 7208 4.5)", sender.domain, records.size()));
  bool isGood = true;
  for (const net::IpAddress& address : ours) {
    sender.address = address;
    if (judgeSpf(records.front(), sender) != SpfVerdict::fails) continue;
    isGood = false;
    findings.bad(fmt::format("the SPF record of {} does not let {} send: {}", sender.domain, address.text(), printable(records.front(), 400)));
  }
  if (isGood) findings.good(sender.domain + " has an SPF record");
}

/// `ours`: the addresses that the DNS gives for this host.
void lookAtDomain(Findings& findings, Dns& dns, const Config& config, const std::string& domain, const std::vector<net::IpAddress>& ours) {
  const dns::Answer mx = dns.ask(domain, dns::Type::mx);
  const bool leadsHere = std::any_of(mx.mx.begin(), mx.mx.end(), [&](const dns::Mx& one) {
    return withoutDot(one.exchange) == withoutDot(config.hostName);
  });
  if (!mx.found() && !mx.absent()) return findings.warn("the DNS does not answer for " + domain);
  const std::vector<net::IpAddress> itsOwn = addressesOf(dns, domain);
  const bool comesByAddress = mx.absent() && std::ranges::find_first_of(itsOwn, ours) != itsOwn.end();  // RFC 5321 5.1
  if (leadsHere) {
    findings.good("the MX of " + domain + " is " + config.hostName);
  } else if (comesByAddress) {
    findings.warn(domain + " has no MX; mail comes by its address. Add " + domain + ". MX 10 " + config.hostName + ".");
  } else {
    findings.bad("no MX of " + domain + " leads to " + config.hostName);
  }
  lookAtSpf(findings, dns, {domain, withoutDot(config.hostName), {}, leadsHere, itsOwn}, ours);
}

/// Returns the addresses that the DNS gives for us.
std::vector<net::IpAddress> lookAtDns(Findings& findings, const Config& config, const std::vector<std::string>& domains) {
  Dns dns(config);
  const dns::Answer four = dns.ask(config.hostName, dns::Type::a);
  if (!four.found() && !four.absent()) {
    findings.bad("the DNS does not answer for " + config.hostName);
    return {};  // nor for what else is asked, and each question would wait its time
  }
  std::vector<net::IpAddress> addresses = four.addresses;
  for (const net::IpAddress& address : dns.ask(config.hostName, dns::Type::aaaa).addresses) addresses.push_back(address);
  if (addresses.empty()) findings.bad(config.hostName + " has no address in the DNS");
  if (four.found() && withoutDot(four.canonicalName) != withoutDot(config.hostName))
    findings.warn(fmt::format("{} is an alias (CNAME) of {}: an MX must not lead to one (RFC 5321 5.1); give it an address of its own", config.hostName,
                              withoutDot(four.canonicalName)));
  const std::vector<net::IpAddress> ours = addressesOfThisHost();
  for (const net::IpAddress& address : addresses) {
    if (std::find(ours.begin(), ours.end(), address) == ours.end())
      findings.warn(config.hostName + " is " + address.text() + ", which no interface here has (address translation, perhaps)");
    const dns::Answer back = dns.ask(address.reversePointerName(), dns::Type::ptr);
    const bool same = std::any_of(back.names.begin(), back.names.end(), [&](const std::string& name) {
      return withoutDot(name) == withoutDot(config.hostName);
    });
    same ? findings.good(address.text() + " leads back to " + config.hostName)
         : findings.warn("the PTR record of " + address.text() + " is not " + config.hostName + ": others may refuse our mail");
  }
  for (const std::string& domain : domains) lookAtDomain(findings, dns, config, domain, addresses);
  return addresses;
}

/// As a client comes: by the addresses the DNS gives for us, with a certificate it is to believe. A machine behind address translation
/// may not reach itself from outside: a warning.
void lookAtTls(Findings& findings, const Config& config, const std::vector<net::IpAddress>& outside, const std::string& caFile) {
  const auto context = net::TlsClientContext::load(caFile);
  if (!context) return findings.bad(context.error().detail);
  Loop loop;
  for (const TlsDoor& door : tlsDoors(config, outside)) {
    const std::string at = door.address.text();
    const Result<void> tried = loop.runUntilDone(tryTls(loop, door, *context));
    if (tried) {
      findings.good("TLS at " + at + ": the certificate is good for " + door.hostName);
    } else {
      findings.warn("TLS at " + at + ": " + tried.error().detail);
    }
  }
}

/// Mail, queue and passwords are nobody else's.
void lookAtFolders(Findings& findings, const Config& config) {
  bool closed = true;
  for (const std::string& folder : {config.accountsDir(), config.directoryDir(), config.queueDir()}) {
    struct stat status{};
    if (::stat(folder.c_str(), &status) != 0 || (status.st_mode & 07) == 0) continue;
    closed = false;
    findings.bad(folder + " can be entered by every user; chmod o-rwx");
  }
  if (closed) findings.good("mail, queue and directory are closed to other users");
}

/// Our own sendmail, with a message on its standard input.
bool submit(const CommonOptions& options, const std::string& to) {
  int ends[2];
  if (::pipe(ends) != 0) return false;
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::execl("/proc/self/exe", "sendmail", "-C", options.config.c_str(), "-f", "<>", to.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[0]);
  const std::string text = "Subject: ostler doctor\nTo: " + to + "\n\nThis message went round the loop. It may be deleted.\n";
  const bool written = ::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(ends[1]);
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && written && status == 0;
}

void sendRound(Findings& findings, const CommonOptions& options, const Config& config, const std::string& to) {
  if (!submit(options, to)) return findings.bad("a test message to " + to + " was not taken");
  const Deadline deadline = Deadline::after(kLoopWait);
  while (!deadline.passed()) {
    std::string waiting;
    const auto keep = [&waiting](const std::string& page) { waiting += page; };
    const int status = ask(config, "control", {"queue", "list", "--json", "--recipient", to}, keep, deadline);
    if (status == EX_OK && waiting.find(to) == std::string::npos) return findings.good("a test message reached " + to);
    ::usleep(50'000);
  }
  findings.bad("a test message to " + to + " is still in the queue; see `ostler queue list`");
}

std::vector<std::string> domainsOf(const Config& config) {
  std::vector<std::string> names;
  std::error_code closed;
  if (!std::filesystem::exists(config.directoryDir() + "/directory.mdb", closed)) return names;
  const auto directory = directory::OwnDirectory::open(config.directoryDir());
  const auto domains = directory ? (*directory)->domains() : Result<std::vector<directory::Domain>>(fail(directory.error()));
  if (!domains) return names;
  for (const directory::Domain& domain : *domains) names.push_back(domain.name);
  return names;
}

}  // namespace

int doctor(const Call& call) {
  CommonOptions options;
  bool noDns = false;
  bool noSend = false;
  std::string caFile;
  CLI::App app(
      "Looks at what mail depends on: configuration, keys, folders, listeners, TLS as clients find it, clock, disk, DNS; and sends a message to "
      "the postmaster. Exit status 0 all is well, 1 errors, 2 warnings.");
  addConfigOption(app, options);
  addJsonOption(app, options);
  app.add_flag("--no-dns", noDns, "do not ask the DNS");
  app.add_option("--ca", caFile, "who may have signed our certificate; default: whom this system trusts")->type_name("FILE");
  app.add_flag("--no-send", noSend, "send nothing");
  if (const auto status = parse(app, call)) return *status;
  const config::Loaded loaded = config::load(options.config);
  Findings findings(options);
  lookAtConfiguration(findings, problemsOf(loaded));
  const auto inForce = loaded.config ? loaded.config : lastTaken(options.config);
  if (!inForce) return findings.exitStatus();
  const Config& config = *inForce;
  lookAtKeys(findings, config);
  lookAtFolders(findings, config);
  const bool up = lookAtListeners(findings, config);
  lookAtQueue(findings, config);
  lookAtMachine(findings, config);
  const std::vector<std::string> domains = domainsOf(config);
  if (domains.empty() && ::access(config.directoryDir().c_str(), X_OK) == 0) findings.bad("there is no domain; `ostler domain add NAME`");
  std::vector<net::IpAddress> outside;
  if (!noDns) outside = lookAtDns(findings, config, domains);
  if (up) lookAtTls(findings, config, outside, caFile);
  const bool isGood = loaded.config != nullptr;  // sendmail would say what was said above
  if (!noSend && isGood && up && !domains.empty()) sendRound(findings, options, config, "postmaster@" + domains.front());
  return findings.exitStatus();
}

}  // namespace ostler::tools
