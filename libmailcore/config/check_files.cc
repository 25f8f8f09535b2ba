// check_files.cc - what only looking at the machine shows: files that are not there or hold something else, addresses and users that it
// does not have. Is not: whether the configuration agrees with itself (validate.cc).
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "libmailcore/base/clock.h"
#include "libmailcore/config/config.h"
#include "libmailcore/config/file_system.h"
#include "libmailcore/config/host_addresses.h"
#include "libmailcore/net/certificate.h"

namespace ostler::config {
namespace {

namespace fs = std::filesystem;

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

bool isReadable(const std::string& file) { return !file.empty() && ::access(file.c_str(), R_OK) == 0; }

class FileCheck {
 public:
  explicit FileCheck(const Config& config) : config_(config) {}

  std::vector<Problem> run() {
    dropFolder();
    badmailFolders();
    certificates();
    secrets();
    logFiles();
    users();
    addresses();
    for (const VirtualServer& server : config_.virtualServers) operators(server);
    for (const RouteRule& rule : config_.routes) route(rule);
    return std::move(problems_);
  }

 private:
  void error(const Place& place, std::string text) { problems_.push_back({Problem::Severity::error, place, std::move(text)}); }
  void warning(const Place& place, std::string text) { problems_.push_back({Problem::Severity::warning, place, std::move(text)}); }

  bool requireReadable(const Place& place, const std::string& file) {
    if (isReadable(file)) return true;
    if (!file.empty()) error(place, "the configuration names this file: " + file + ": " + std::strerror(errno));
    return false;
  }

  // ---- folders

  /// Mail that is dropped where mail is taken from, or kept, would go in circles; and rename is no promise over a network.
  void dropFolder() {
    const auto first = std::ranges::find(config_.routes, RouteRule::Action::drop, &RouteRule::action);
    if (first == config_.routes.end()) return;
    const fs::path drop = real(config_.dropDir());
    std::vector<std::string> others = config_.badmailDirs();
    others.push_back(config_.pickupDir());
    others.push_back(config_.queueDir());
    for (const std::string& other : others) {
      if (isWithin(drop, real(other)) || isWithin(real(other), drop))
        error(first->place, "the drop folder " + drop.string() + " is, contains or lies in " + other + ": mail would go in circles");
    }
    const Result<FileSystem> system = fileSystemAt(drop.string());
    if (!system || *system == FileSystem::disk) return;
    // The test of a gateway's program may live with memory.
    if (*system == FileSystem::memory) return warning(first->place, "the drop folder " + drop.string() + " is not on a local disk: what is in memory is gone with the power");
    error(first->place, "the drop folder " + drop.string() + " is not on a local disk, but another machine's, or a program's");
  }

  /// What is put aside there would be taken again as new mail, or for a part of the queue.
  void badmailFolders() {
    badmail(config_.badmailDir(), config_.placeOf("spool_dir"));
    for (const VirtualServer& server : config_.virtualServers) {
      if (!server.badmail.empty()) badmail(server.badmail, config_.placeOf(server, "badmail"));
    }
  }
  void badmail(const std::string& folder, const Place& place) {
    for (const std::string& other : {config_.pickupDir(), config_.queueDir()}) {
      if (isWithin(real(folder), real(other))) error(place, "the badmail folder " + folder + " is or lies in " + other + ": choose another");
    }
  }
  static fs::path real(const std::string& path) {
    std::error_code none;
    return fs::weakly_canonical(path, none);
  }

  // ---- certificates, keys, secrets

  void certificates() {
    for (std::size_t at = 0; at < config_.certificates.size(); ++at)
      pair("tls.certificates[" + std::to_string(at) + "]", config_.certificates[at], config_.hostName);
    std::vector<std::string> seen;  // sections that several virtual servers start from
    for (const VirtualServer& server : config_.virtualServers) {
      const bool isOwn = config_.places.contains(server.path + ".tls.certificates");
      const std::string section = (isOwn ? server.path : "smtp") + ".tls.certificates";
      if (std::ranges::find(seen, section) != seen.end()) continue;
      for (std::size_t at = 0; at < server.certificates.size(); ++at)
        pair(section + "[" + std::to_string(at) + "]", server.certificates[at], config_.hostNameOf(server));
      seen.push_back(section);
    }
    const net::CertificateFiles& ours = config_.outbound.certificate;
    const bool areRead = requireReadable(config_.placeOf("outbound.certificate"), ours.certificate) && requireReadable(config_.placeOf("outbound.key"), ours.key);
    if (areRead) fits(config_.placeOf("outbound.key"), ours);
    authorities("tls.client_ca", config_.clientCa);
    authorities("outbound.ca_file", config_.outbound.caFile);
    authorities("oauth.introspection.ca_file", config_.oauth.introspectionCa);
    authorities("log.syslog_ca", config_.log.syslogCa);
  }

  void pair(const std::string& section, const net::CertificateFiles& files, const std::string& hostName) {
    const bool hasCertificate = requireReadable(config_.placeOf(section + ".certificate"), files.certificate);
    const bool hasKey = requireReadable(config_.placeOf(section + ".key"), files.key);
    const bool isSound = hasCertificate && certificate(config_.placeOf(section + ".certificate"), files.certificate, hostName);
    if (isSound && hasKey) fits(config_.placeOf(section + ".key"), files);
  }

  void fits(const Place& place, const net::CertificateFiles& files) {
    if (const Result<void> good = net::checkPair(files.certificate, files.key); !good) error(place, good.error().detail);
  }

  /// False: it cannot be read as one.
  bool certificate(const Place& place, const std::string& file, const std::string& hostName) {
    const auto facts = net::readCertificate(file, hostName);
    if (!facts) {
      error(place, facts.error().detail);
      return false;
    }
    const WallTime now = SystemClock().now();
    if (facts->notBefore > now)
      error(place, file + ": the certificate is not valid before " + dayOf(facts->notBefore) + ", and this machine's clock says " + dayOf(now));
    const auto left = facts->notAfter - now;
    const auto days = std::chrono::duration_cast<std::chrono::hours>(left).count() / 24;
    if (left.count() < 0) {
      error(place, file + ": the certificate has expired");
    } else if (left < kExpiresSoon) {
      warning(place, file + ": the certificate expires in " + std::to_string(days) + " days");
    }
    return true;
  }

  void authorities(const char* key, const std::string& file) {
    const Place place = config_.placeOf(key);
    if (!requireReadable(place, file)) return;
    if (const auto first = net::readCertificate(file, ""); !first) error(place, std::string(key) + ": " + first.error().detail);
  }

  void secrets() {
    requireReadable(config_.placeOf("kerberos.keytab"), config_.kerberos.keytab);
    requireReadable(config_.placeOf("oauth.jwks_file"), config_.oauth.jwksFile);
    passwordIn(config_.placeOf("oauth.introspection.secret_file"), config_.oauth.clientSecretFile);
  }

  /// A line that holds nothing is no password; a folder is read as one that is empty.
  void passwordIn(const Place& place, const std::string& file) {
    if (!requireReadable(place, file)) return;
    std::string line;
    std::ifstream in(file);
    if (!std::getline(in, line) || line.find_first_not_of(" \t\r") == std::string::npos) error(place, file + " holds no password: its first line is to be one");
  }

  void logFiles() {
    logFolder("log.file", config_.log.file);
    for (const LogRule& rule : config_.log.rules) logFolder("log.rules", rule.file);
  }
  void logFolder(const char* key, const std::string& file) {
    const fs::path folder = fs::path(file).parent_path();
    std::error_code none;
    if (folder.empty() || fs::is_directory(folder, none) || none == std::errc::permission_denied) return;
    error(config_.placeOf(key), std::string(key) + ": there is no folder " + folder.string() + "; make it, for its lines would go elsewhere");
  }

  void users() {
    user("user", config_.user);
    for (const auto& [process, name] : config_.users) user("users." + process, name);
  }
  void user(const std::string& key, const std::string& name) {
    if (!name.empty() && ::getpwnam(name.c_str()) == nullptr) error(config_.placeOf(key), key + ": this machine has no user " + name + ", so nothing would start");
  }

  void route(const RouteRule& rule) {
    passwordIn(rule.place, rule.passwordFile);
    requireReadable(rule.place, rule.recipientsFile);
    if (std::error_code none; fs::is_directory(rule.recipientsFile, none)) error(rule.place, "recipients_file " + rule.recipientsFile + " is a folder");
  }

  // ---- addresses and people

  void addresses() {
    const auto listeners = [this](const std::vector<Listener>& all) {
      for (const Listener& one : all) {
        if (one.address.unixPath.empty()) here(one.place, one.address.address, "nothing can listen there");
      }
    };
    for (const VirtualServer& server : config_.virtualServers) {
      listeners(server.listeners);
      const auto source = [&](const char* key, const std::optional<net::IpAddress>& address) {
        if (address) here(config_.placeOf(server, key), *address, "no mail can leave from there");
      };
      source("outbound.source_v4", server.sourceV4);
      source("outbound.source_v6", server.sourceV6);
    }
    listeners(config_.pop3.listeners);
    listeners(config_.imap.listeners);
    if (config_.outbound.sourceV4) here(config_.placeOf("outbound.source_v4"), *config_.outbound.sourceV4, "no mail can leave from there");
    if (config_.outbound.sourceV6) here(config_.placeOf("outbound.source_v6"), *config_.outbound.sourceV6, "no mail can leave from there");
  }
  /// It may come later, as an address does that moves between machines.
  void here(const Place& place, const net::IpAddress& address, const char* then) {
    if (isEveryAddress(address) || address.isLoopback() || isOfThisHost(address)) return;
    warning(place, "no interface of this machine has " + address.text() + ": " + then + " until one has");
  }

  void operators(const VirtualServer& server) {
    for (const std::string& name : server.operators) {
      const bool isGroup = name.starts_with('@');
      const bool isThere = isGroup ? ::getgrnam(name.substr(1).c_str()) != nullptr : ::getpwnam(name.c_str()) != nullptr;
      if (!isThere) warning(config_.placeOf(server, "operators"), std::string("operators: this machine has no ") + (isGroup ? "group " + name.substr(1) : "user " + name));
    }
  }

  const Config& config_;
  std::vector<Problem> problems_;
};

}  // namespace

std::vector<Problem> checkFiles(const Config& config) {
  return FileCheck(config).run();
}

}  // namespace ostler::config
