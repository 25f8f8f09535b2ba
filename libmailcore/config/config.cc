#include "libmailcore/config/config.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <tuple>
#include <utility>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/clock.h"
#include "libmailcore/base/idna.h"
#include "libmailcore/config/file_system.h"
#include "libmailcore/config/reader.h"
#include "libmailcore/config/run_dir.h"
#include "libmailcore/config/yaml.h"
#include "libmailcore/net/certificate.h"

namespace ostler::config {
namespace {

/// conf.d/*.yaml beside the file, in the order of their names.
std::vector<std::string> dropIns(const std::filesystem::path& folder) {
  std::vector<std::string> files;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "conf.d", none)) {
    const std::string name = entry.path().filename().string();
    if (name.front() != '.' && entry.path().extension() == ".yaml") files.push_back(entry.path().string());
  }
  std::ranges::sort(files);
  return files;
}

std::string machineName() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

/// How many days before it ends an administrator is told.
constexpr std::chrono::hours kExpiresSoon{21 * 24};

/// "2026-11-23"
std::string dayOf(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm day{};
  ::gmtime_r(&seconds, &day);
  std::array<char, 16> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &day)};
}

/// What is wrong with a certificate that can be read.
void checkCertificate(const std::string& file, const std::string& hostName, std::vector<Problem>& problems) {
  const auto facts = net::readCertificate(file, hostName);
  const auto warn = [&](Problem::Severity severity, const std::string& text) {
    problems.push_back({severity, {file, 0, 0}, text});
  };
  if (!facts) return warn(Problem::Severity::error, facts.error().detail);
  const WallTime now = SystemClock().now();
  if (facts->notBefore > now) {
    warn(Problem::Severity::error, "the certificate is not valid before " + dayOf(facts->notBefore) + ", and this machine's clock says " + dayOf(now));
  }
  const auto left = facts->notAfter - now;
  const auto days = std::chrono::duration_cast<std::chrono::hours>(left).count() / 24;
  if (left.count() < 0) {
    warn(Problem::Severity::error, "the certificate has expired");
  } else if (left < kExpiresSoon) {
    warn(Problem::Severity::warning, "the certificate expires in " + std::to_string(days) + " days");
  }
}

void requireReadable(const std::string& file, std::vector<Problem>& problems) {
  if (file.empty() || ::access(file.c_str(), R_OK) == 0) return;
  problems.push_back({Problem::Severity::error,
                      {file, 0, 0},
                      std::string("the configuration names this file: ") + std::strerror(errno)});
}

/// FILE with what lies in conf.d beside it laid over.
Node readTree(const std::string& file, std::vector<Problem>& problems) {
  Node root = readYaml(file, problems);
  for (const std::string& dropIn : dropIns(std::filesystem::absolute(file).parent_path())) merge(root, readYaml(dropIn, problems));
  return root;
}

/// What is written in U-labels is compared in A-labels.
void canonicalise(RouteRule& rule) {
  std::string domain = comparableDomain(rule.domain);
  if (!isAllAscii(rule.domain)) rule.written = std::exchange(rule.domain, std::move(domain));
  if (!isAllAscii(rule.sender)) rule.sender = rule.sender.find('@') == std::string::npos ? comparableDomain(rule.sender) : comparableAddress(rule.sender);
  const bool toDomain = rule.action == RouteRule::Action::forward || rule.action == RouteRule::Action::drop;
  if (toDomain && !isAllAscii(rule.host)) rule.host = comparableDomain(rule.host);
  for (std::string& recipient : rule.recipients) {
    if (!isAllAscii(recipient)) recipient = comparableAddress(recipient);
  }
}

/// Names as keys: what is written in two forms is one.
template <class T>
void canonicalise(std::map<std::string, std::vector<T>>& table) {
  std::map<std::string, std::vector<T>> comparable;
  for (const auto& [name, values] : table) {
    std::vector<T>& all = comparable[comparableDomain(name)];
    all.insert(all.end(), values.begin(), values.end());
  }
  table = std::move(comparable);
}

}  // namespace

std::string Place::text() const {
  return line == 0 ? file : file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

std::string Config::badmailDirOf(std::string_view server) const {
  for (const VirtualServer& one : virtualServers) {
    if (one.name == server && !one.badmail.empty()) return one.badmail;
  }
  return badmailDir();
}

std::vector<Config::Certificate> Config::allCertificates() const {
  std::vector<Certificate> all;
  for (const net::CertificateFiles& pair : certificates) all.push_back({pair, hostName});
  for (const VirtualServer& server : virtualServers) {
    for (const net::CertificateFiles& pair : server.certificates) all.push_back({pair, hostNameOf(server)});
  }
  return all;
}

std::vector<std::string> Config::badmailDirs() const {
  std::vector<std::string> folders = {badmailDir()};
  for (const VirtualServer& server : virtualServers) {
    const std::string folder = badmailDirOf(server.name);
    if (std::ranges::find(folders, folder) == folders.end()) folders.push_back(folder);
  }
  return folders;
}

std::string toText(const Problem& problem) {
  return problem.place.text() + (problem.severity == Problem::Severity::error ? ": error: " : ": warning: ") +
         problem.text;
}

std::string runDirOf(const std::string& file) {
  const std::filesystem::path path = std::filesystem::absolute(file);
  std::vector<Problem> problems;
  const Node root = readTree(file, problems);
  const bool isAllRead = problems.empty();
  const Node* const said = root.find("run_dir");
  const bool isText = said != nullptr && said->kind == Node::Kind::scalar && !said->text.empty();
  if (!isText && (said != nullptr || !isAllRead)) return {};
  Config config;
  readConfig(root, path.parent_path().string(), config, problems);
  return config.runDir;
}

Loaded load(const std::string& file) {
  Loaded loaded;
  const std::filesystem::path path = std::filesystem::absolute(file);
  const Node root = readTree(file, loaded.problems);

  Config config;
  readConfig(root, path.parent_path().string(), config, loaded.problems);
  if (config.hostName.empty()) config.hostName = machineName();
  config.log.countersDir = config.runDir + "/metrics";
  config.log.relay = config.socketPath("log");
  const auto isError = [](const Problem& problem) { return problem.severity == Problem::Severity::error; };
  validate(config, file, loaded.problems);
  for (RouteRule& rule : config.routes) canonicalise(rule);
  canonicalise(config.dns.hosts);
  canonicalise(config.dns.stubs);
  std::ranges::sort(loaded.problems, {},
                    [](const Problem& p) { return std::tie(p.place.file, p.place.line, p.place.column, p.text); });
  if (std::ranges::none_of(loaded.problems, isError)) loaded.config = std::make_shared<const Config>(std::move(config));
  return loaded;
}

namespace {

/// Mail that is dropped where mail is taken from, or kept, would go in circles; and rename is no promise over a network.
void checkDropFolder(const Config& config, std::vector<Problem>& problems) {
  const RouteRule* first = nullptr;
  for (const RouteRule& rule : config.routes) first = first == nullptr && rule.action == RouteRule::Action::drop ? &rule : first;
  if (first == nullptr) return;
  std::error_code none;
  const auto real = [&none](const std::string& path) { return std::filesystem::weakly_canonical(path, none); };
  const std::filesystem::path drop = real(config.dropDir());
  std::vector<std::string> others = config.badmailDirs();
  others.push_back(config.pickupDir());
  others.push_back(config.queueDir());
  for (const std::string& other : others) {
    if (!isWithin(drop, real(other)) && !isWithin(real(other), drop)) continue;
    problems.push_back({Problem::Severity::error, first->place,
                        "the drop folder " + drop.string() + " is, contains or lies in " + other + ": mail would go in circles"});
  }
  const Result<FileSystem> system = fileSystemAt(drop.string());
  if (!system || *system == FileSystem::disk) return;
  const bool isInMemory = *system == FileSystem::memory;  // the test of a gateway's program may live with that
  problems.push_back({isInMemory ? Problem::Severity::warning : Problem::Severity::error, first->place,
                      "the drop folder " + drop.string() + " is not on a local disk" +
                          (isInMemory ? ": what is in memory is gone with the power" : ", but another machine's, or a program's")});
}

/// What is put aside there would be taken again as new mail, or for a part of the queue.
void checkBadmailFolders(const Config& config, std::vector<Problem>& problems) {
  std::error_code none;
  const auto real = [&none](const std::string& path) { return std::filesystem::weakly_canonical(path, none); };
  const auto check = [&](const std::string& folder, const Place& place) {
    for (const std::string& other : {config.pickupDir(), config.queueDir()}) {
      if (isWithin(real(folder), real(other)))
        problems.push_back({Problem::Severity::error, place, "the badmail folder " + folder + " is or lies in " + other + ": choose another"});
    }
  };
  check(config.badmailDir(), {});
  for (const VirtualServer& server : config.virtualServers) {
    if (!server.badmail.empty()) check(server.badmail, server.place);
  }
}

}  // namespace

LogSettings logOf(const LogSettings& all, std::string_view process, std::string_view virtualServer) {
  LogSettings out = all;
  out.rules.clear();
  for (const LogRule& rule : all.rules) {
    const bool isOfProcess = rule.processes.empty() || std::ranges::find(rule.processes, process) != rule.processes.end();
    const bool isOfServer = rule.virtualServer.empty() || rule.virtualServer == virtualServer;
    if (!isOfProcess || !isOfServer) continue;
    if (rule.target != LogTarget::same) out.target = rule.target;
    if (!rule.file.empty()) out.file = rule.file;
    if (rule.level != "same") out.level = rule.level;
  }
  return out;
}

namespace {

void checkPair(const net::CertificateFiles& pair, const std::string& hostName, std::vector<Problem>& problems) {
  const std::size_t before = problems.size();
  requireReadable(pair.certificate, problems);
  if (problems.size() == before) checkCertificate(pair.certificate, hostName, problems);
  requireReadable(pair.key, problems);
  const bool areRead = ::access(pair.certificate.c_str(), R_OK) == 0 && ::access(pair.key.c_str(), R_OK) == 0;
  if (!areRead) return;
  const Result<void> fits = net::checkPair(pair.certificate, pair.key);
  if (!fits) problems.push_back({Problem::Severity::error, {pair.key, 0, 0}, fits.error().detail});
}

}  // namespace

std::vector<Problem> checkFiles(const Config& config) {
  std::vector<Problem> problems;
  checkDropFolder(config, problems);
  checkBadmailFolders(config, problems);
  for (const auto& [pair, hostName] : config.allCertificates()) checkPair(pair, hostName, problems);
  requireReadable(config.log.syslogCa, problems);
  for (const std::string& file : {config.kerberos.keytab, config.oauth.jwksFile, config.oauth.clientSecretFile, config.oauth.introspectionCa})
    requireReadable(file, problems);
  for (const RouteRule& rule : config.routes) {
    requireReadable(rule.passwordFile, problems);
    requireReadable(rule.recipientsFile, problems);
    if (std::error_code none; std::filesystem::is_directory(rule.recipientsFile, none))
      problems.push_back({Problem::Severity::error, rule.place, "recipients_file " + rule.recipientsFile + " is a folder"});
  }
  return problems;
}

}  // namespace ostler::config
