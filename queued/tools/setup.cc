// setup.cc - ostler setup DOMAIN: a working configuration, a certificate, the first user, and what the DNS must say.
// Is not: a way to change what is there; it refuses when there is a configuration.
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/random.h"
#include "libmailcore/net/address.h"
#include "libmailcore/net/certificate.h"
#include "queued/tools/directory_tool.h"
#include "queued/tools/dns_records.h"
#include "queued/tools/key_readers.h"
#include "queued/tools/newaliases.h"
#include "queued/tools/port_holder.h"
#include "queued/tools/setup_directory.h"

namespace ostler::tools {
namespace {

namespace fs = std::filesystem;

struct SetupOptions {
  CommonOptions common;
  std::string domain;
  std::string hostName;
  std::string user = "postmaster";
  std::string passwordFile;
  std::string certificate;
  std::string key;
  bool noStart = false;

  [[nodiscard]] directory::Address first() const { return {user, domain}; }
};

constexpr std::string_view kProcesses[] = {"smtpd", "spool", "out", "auth", "pop3d", "imapd", "health"};

/// Users of the package: each process has its own.
std::string usersSection() {
  std::string text;
  for (const std::string_view process : kProcesses) {
    const std::string name = "ostler-" + std::string(process);
    if (::getpwnam(name.c_str()) != nullptr) text += fmt::format("  {}: {}\n", process, name);
  }
  return text.empty() ? "" : "users:\n" + text;
}

/// Quoted where something in it might mean something to YAML.
std::string yamlText(const std::string& text) {
  const auto isPlain = [](char c) { return isAsciiAlnum(c) || c == '.' || c == '_' || c == '/' || c == '@' || c == '-' || c == '+'; };
  if (!text.empty() && (isAsciiAlnum(text.front()) || text.front() == '/') && std::all_of(text.begin(), text.end(), isPlain)) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string configurationFor(const SetupOptions& options, const std::string& certificate, const std::string& key) {
  return fmt::format(R"(# Written by `ostler setup {domain}`. Every setting: ostler.yaml(5), or `ostler check --keys`.
host_name: {host}
{users}log: {{target: journald}}
tls:
  certificates:
    - {{certificate: {certificate}, key: {key}}}
smtp:
  listeners:
    - {{address: "0.0.0.0:25", kind: mx}}
    - {{address: "[::]:25", kind: mx}}
    - {{address: "0.0.0.0:587", kind: submission}}
    - {{address: "[::]:587", kind: submission}}
    - {{address: "0.0.0.0:465", kind: submission, tls: implicit}}
    - {{address: "[::]:465", kind: submission, tls: implicit}}
pop3:
  listeners:
    - {{address: "0.0.0.0:110"}}
    - {{address: "[::]:110"}}
    - {{address: "0.0.0.0:995", tls: implicit}}
    - {{address: "[::]:995", tls: implicit}}
imap:
  listeners:
    - {{address: "0.0.0.0:143"}}
    - {{address: "[::]:143"}}
    - {{address: "0.0.0.0:993", tls: implicit}}
    - {{address: "[::]:993", tls: implicit}}
health:
  listeners: ["127.0.0.1:8025"]
directory:
  postmaster: {postmaster}
  # Mail for www-data@{host} and the like: accounts of this machine that are no users.
  system_accounts: root@{domain}
  # Loaded by newaliases.
  aliases_file: /etc/aliases
)",
                     fmt::arg("domain", options.domain), fmt::arg("host", options.hostName),
                     fmt::arg("users", usersSection()), fmt::arg("certificate", yamlText(certificate)), fmt::arg("key", yamlText(key)),
                     fmt::arg("postmaster", yamlText(options.first().text())));
}

/// Brings the names into the form that all else has. Errors: syntax.
Result<void> readNames(SetupOptions& options) {
  const auto domain = directory::canonicalDomain(options.domain);
  if (!domain) return fail(domain.error());
  const std::string lastLabel = domain->substr(domain->rfind('.') + 1);
  const bool isNumber = std::all_of(lastLabel.begin(), lastLabel.end(), isAsciiDigit);
  if (isNumber || net::IpAddress::parse(*domain)) return fail(Error::Kind::syntax, options.domain + " is no domain: name the one that stands behind the @ of your addresses");
  options.domain = *domain;
  const auto host = directory::canonicalDomain(options.hostName.empty() ? "mail." + options.domain : options.hostName);
  if (!host) return fail(host.error());
  options.hostName = *host;
  const auto user = directory::parseAddress(options.user);
  const auto localPart = user ? directory::foldLocalPart(user->localPart) : fail(user.error());
  if (!localPart) return fail(Error::Kind::syntax, "--user \"" + printable(options.user) + "\" is no name for a user: " + localPart.error().detail);
  const auto of = user->domain.empty() ? domain : directory::canonicalDomain(user->domain);
  if (!of || *of != options.domain)
    return fail(Error::Kind::syntax, "--user " + printable(options.user) + " is not of " + options.domain + ", whose first user he is to be; others come with `ostler user add`");
  options.user = *localPart;
  return {};
}

/// Written aside and renamed: all of it or nothing.
Result<void> writeFile(const fs::path& file, const std::string& text, mode_t mode, const char* group) {
  const std::string aside = file.string() + ".new";
  ::unlink(aside.c_str());
  const mode_t before = ::umask(0077);
  std::ofstream out(aside);
  ::umask(before);
  out << text;
  out.close();
  if (!out) return fail(Error::Kind::permanent, "cannot write " + file.string());
  const struct group* const entry = group == nullptr ? nullptr : ::getgrnam(group);
  if (entry != nullptr) (void)!::chown(aside.c_str(), static_cast<uid_t>(-1), entry->gr_gid);
  if (::chmod(aside.c_str(), mode) != 0 || ::rename(aside.c_str(), file.c_str()) != 0)
    return fail(Error::Kind::permanent, "cannot write " + file.string());
  return {};
}

Result<std::string> contentOf(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  return in ? Result<std::string>(std::move(text)) : fail(Error::Kind::notFound, "cannot read " + file);
}

Result<std::pair<std::string, std::string>> writePair(const net::CertificatePair& pair, const std::string& hostName, const fs::path& folder) {
  const std::string base = "tls/" + hostName;
  std::error_code ignored;
  fs::create_directories(folder / "tls", ignored);
  Result<void> written = writeFile(folder / (base + ".pem"), pair.certificate, 0644, nullptr);
  if (written) written = writeFile(folder / (base + ".key"), pair.key, 0640, kKeyReaders);
  if (!written) return fail(written.error());
  return std::pair{base + ".pem", base + ".key"};
}

/// Stays where it is, unless the processes may not read it there, as below /etc/letsencrypt: then what they use is a copy.
Result<std::pair<std::string, std::string>> givenCertificate(const SetupOptions& options, const fs::path& folder) {
  const auto facts = net::readCertificate(options.certificate, options.hostName);
  if (!facts) return fail(facts.error());
  const Result<void> fits = net::checkPair(options.certificate, options.key);
  if (!fits) return fail(fits.error());
  if (!facts->namesHost) fmt::print(stderr, "ostler setup: {} does not name {}\n", options.certificate, options.hostName);
  if (facts->notAfter < SystemClock().now()) fmt::print(stderr, "ostler setup: {} has expired: clients will not trust it\n", options.certificate);
  if (mayBeReadByProcesses(options.certificate) && mayBeReadByProcesses(options.key))
    return std::pair{fs::absolute(options.certificate).string(), fs::absolute(options.key).string()};
  auto certificate = contentOf(options.certificate);
  if (!certificate) return fail(certificate.error());
  auto key = contentOf(options.key);
  if (!key) return fail(key.error());
  auto copied = writePair({std::move(*certificate), std::move(*key)}, options.hostName, folder);
  if (copied) {
    fmt::print("copied the certificate to {}, since the processes may not read {}; a renewed one must come there too: see /usr/share/doc/ostler/hooks\n",
               (folder / copied->first).string(), options.key);
  }
  return copied;
}

/// The pair's places in the configuration: the files given, or new ones below tls/.
Result<std::pair<std::string, std::string>> certificateFor(const SetupOptions& options, const fs::path& folder) {
  if (!options.certificate.empty()) return givenCertificate(options, folder);
  const auto made = net::makeSelfSigned(options.hostName);
  if (!made) return fail(made.error());
  return writePair(*made, options.hostName, folder);
}

int enableUnits() {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execlp("systemctl", "systemctl", "enable", "--now", "ostler.target", nullptr);
    ::_exit(127);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

/// Starts all and waits until it answers. Another mail server that has a port already is the first hour's usual trouble.
int startSuite(const Call& call, const config::Config& config) {
  const int enabled = enableUnits();
  if (enabled != 0) return enabled;
  std::vector<health::Probe> silent = health::probesOf(config);
  const Deadline deadline = Deadline::after(std::chrono::seconds(20));
  while (true) {
    std::erase_if(silent, health::answers);
    if (silent.empty()) return EX_OK;
    const bool isTaken = std::ranges::any_of(silent, [](const health::Probe& probe) { return !strangerAt(probe.address).empty(); });
    if (isTaken || deadline.passed()) break;
    ::usleep(200'000);
  }
  for (const health::Probe& probe : silent) fmt::print(stderr, "{}: {}\n", call.name, faultOf(probe));
  fmt::print(stderr, "{}: the suite is set up and does not run; after that: systemctl restart ostler.target, and ostler doctor\n", call.name);
  return EX_UNAVAILABLE;
}

Result<std::string> passwordFor(const SetupOptions& options) {
  if (!options.passwordFile.empty()) return readPassword(options.passwordFile, "Password");
  return toHex(randomOctets(8));
}

/// Returns what is to be told of it.
Result<std::string> fillDirectory(const Call& call, const SetupOptions& options, const std::string& password, directory::OwnDirectory& directory,
                                  const config::Config& config) {
  if (fs::exists(config.directory.aliasesFile)) {
    const Result<void> loaded = loadAliasesFile(directory, config);
    if (!loaded) fmt::print(stderr, "{}: {}; mend it, then run newaliases\n", call.name, loaded.error().detail);
  }
  const Result<bool> isNew = setUpDirectory(directory, {options.domain, options.hostName, options.user, password});
  if (!isNew) return fail(isNew.error());
  const std::string user = options.first().text();
  std::string said;
  if (!*isNew)
    said = fmt::format("user {0} is there already and keeps the password; another: ostler user set {0} --password\n", user);
  else if (options.passwordFile.empty())
    said = fmt::format("user {} with the password {}\n", user, password);
  return said + readersOf(directory, config, options.domain);
}

int carryOut(const Call& call, SetupOptions& options) {
  const fs::path file = fs::absolute(options.common.config);
  if (fs::exists(file)) {
    fmt::print(stderr, "{}: {} is there already; change that, or remove it first\n", call.name, file.string());
    return EX_CANTCREAT;
  }
  const auto password = passwordFor(options);
  if (!password) return complain(call, password.error());
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  const auto pair = certificateFor(options, file.parent_path());
  if (!pair) return complain(call, pair.error());
  const Result<void> written = writeFile(file, configurationFor(options, pair->first, pair->second), 0644, nullptr);
  if (!written) return complain(call, written.error());
  std::string said;
  const int status = withDirectory(call, options.common, [&](directory::OwnDirectory& directory, const config::Config& config) {
    const Result<std::string> done = fillDirectory(call, options, *password, directory, config);
    said = done.value_or("");
    return done ? Result<void>() : fail(done.error());
  });
  if (status != EX_OK) {
    fs::remove(file, error);
    return status;
  }
  fmt::print("wrote {}\n{}", file.string(), said);
  const auto config = loadConfig(options.common);
  if (!config) return EX_CONFIG;
  fmt::print("\nthe DNS of {} must say:\n{}", options.domain, recordsFor(*config, options.domain, addressesOfThisHost()));
  const bool underSystemd = fs::exists("/run/systemd/system") && fs::exists("/usr/lib/systemd/system/ostler.target");
  std::fflush(stdout);  // what goes wrong from here on is told below it
  if (!options.noStart && underSystemd) return startSuite(call, *config);
  if (!underSystemd) fmt::print("\nstart it with: ostler run -c {}\n", file.string());
  return EX_OK;
}

}  // namespace

int setup(const Call& call) {
  SetupOptions options;
  CLI::App app("Writes a working configuration for one domain, with a certificate and the first user, and starts the suite.");
  addConfigOption(app, options.common);
  app.add_option("domain", options.domain, "whose mail is ours")->required();
  app.add_option("--host-name", options.hostName, "this machine's name in the DNS; default: mail.DOMAIN");
  app.add_option("--user", options.user, "the first user, who reads postmaster's and root's mail; default: postmaster");
  app.add_option("--password-file", options.passwordFile, "its first line is that user's password; - for standard input");
  CLI::Option* const certificate = app.add_option("--certificate", options.certificate, "PEM, with its chain; default: a self-signed one");
  CLI::Option* const key = app.add_option("--key", options.key, "of --certificate");
  certificate->needs(key);
  key->needs(certificate);
  app.add_flag("--no-start", options.noStart, "only write");
  if (const auto status = parse(app, call)) return *status;
  const Result<void> names = readNames(options);
  if (!names) return complain(call, names.error());
  return carryOut(call, options);
}

}  // namespace ostler::tools
