// setup.cc - ostler setup DOMAIN: a working configuration, a certificate, the first user, and what the DNS must say.
// Is not: a way to change what is there; it refuses when there is a configuration.
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/random.h"
#include "libmailcore/net/certificate.h"
#include "libmailcore/sasl/verifiers.h"
#include "queued/tools/directory_tool.h"
#include "queued/tools/dns_records.h"

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
  postmaster: {user}@{domain}
)",
                     fmt::arg("domain", options.domain), fmt::arg("host", options.hostName),
                     fmt::arg("users", usersSection()), fmt::arg("certificate", certificate), fmt::arg("key", key),
                     fmt::arg("user", options.user));
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

/// Who reads keys, besides root: the processes that show certificates.
constexpr const char* kKeyReaders = "ostler-tls";

/// May they read it, as root has set its mode and those of the folders above it? Where there is no such group, who starts the suite does.
bool mayBeReadByProcesses(const std::string& file) {
  const struct group* const readers = ::getgrnam(kKeyReaders);
  if (readers == nullptr || ::geteuid() != 0) return true;
  const gid_t gid = readers->gr_gid;
  constexpr uid_t kNobody = 65'534;
  const pid_t child = ::fork();
  if (child == 0) {
    const bool become = ::setgroups(1, &gid) == 0 && ::setresgid(gid, gid, gid) == 0 && ::setresuid(kNobody, kNobody, kNobody) == 0;
    ::_exit(become && ::access(file.c_str(), R_OK) == 0 ? 0 : 1);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
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

Result<void> addFirstUser(directory::OwnDirectory& directory, const SetupOptions& options, const std::string& password) {
  const auto verifiers = sasl::makeVerifiers(password, {});
  if (!verifiers) return fail(verifiers.error());
  return directory.edit([&](Edit& edit) -> Result<void> {
    directory::Domain domain;
    domain.name = options.domain;
    Result<void> done = edit.putDomain(domain, Edit::Mode::add);
    if (!done) return done;
    if (done = edit.setDefaultDomain(options.domain); !done) return done;
    directory::User user;
    user.domain = options.domain;
    user.localPart = options.user;
    user.verifiers = *verifiers;
    const auto stored = edit.putUser(user, Edit::Mode::add);
    if (!stored) return fail(stored.error());
    if (options.user == "root") return {};
    return edit.putAlias({options.domain, "root", {options.user + "@" + options.domain}}, Edit::Mode::add);
  });
}

int startSuite() {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execlp("systemctl", "systemctl", "enable", "--now", "ostler.target", nullptr);
    ::_exit(127);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

Result<std::string> passwordFor(const SetupOptions& options) {
  if (!options.passwordFile.empty()) return readPassword(options.passwordFile, "Password");
  return toHex(randomOctets(8));
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
  const int status = withDirectory(call, options.common, [&](directory::OwnDirectory& directory, const config::Config&) {
    return addFirstUser(directory, options, *password);
  });
  if (status != EX_OK && status != EX_CANTCREAT) {
    fs::remove(file, error);
    return status;
  }
  fmt::print("wrote {}\n", file.string());
  const std::string first = options.user + "@" + options.domain;
  if (status == EX_OK && options.passwordFile.empty()) fmt::print("user {} with the password {}\n", first, *password);
  fmt::print("{0} reads the mail of postmaster@{1} and root@{1}\n", first, options.domain);
  const auto config = loadConfig(options.common);
  if (!config) return EX_CONFIG;
  fmt::print("\nthe DNS of {} must say:\n{}", options.domain, recordsFor(*config, options.domain, addressesOfThisHost()));
  const bool underSystemd = fs::exists("/run/systemd/system") && fs::exists("/usr/lib/systemd/system/ostler.target");
  if (!options.noStart && underSystemd) return startSuite();
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
  const auto canonical = directory::canonicalDomain(options.domain);
  if (!canonical) return complain(call, canonical.error());
  options.domain = *canonical;
  if (options.hostName.empty()) options.hostName = "mail." + options.domain;
  return carryOut(call, options);
}

}  // namespace ostler::tools
