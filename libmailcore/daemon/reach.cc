#include "libmailcore/daemon/reach.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>

#include "libmailcore/config/file_system.h"
#include "libmailcore/daemon/file_rights.h"

namespace ostler::daemon {
namespace {

namespace fs = std::filesystem;

struct Named {
  const char* key;
  std::string file;
};

// What each kind of process is given beside the configuration's own folder; as in their sandbox.cc.

std::vector<Named> ofListeners(const config::Config& config) {
  std::vector<Named> files = {{"tls.client_ca", config.clientCa}};
  for (const auto& [pair, hostName] : config.allCertificates()) {
    files.push_back({"tls.certificates", pair.certificate});
    files.push_back({"tls.certificates", pair.key});
  }
  return files;
}

std::vector<Named> ofAuth(const config::Config& config) {
  return {{"oauth.jwks_file", config.oauth.jwksFile}, {"kerberos.keytab", config.kerberos.keytab}};
}

std::vector<Named> ofSpool(const config::Config& config) {
  std::vector<Named> files;
  for (const config::RouteRule& rule : config.routes) {
    files.push_back({"password_file", rule.passwordFile});
    files.push_back({"recipients_file", rule.recipientsFile});
  }
  return files;
}

std::vector<Named> ofReports(const config::Config& config) {
  return {{"reports.templates", config.reports.templates}};
}

std::vector<Named> ofBadmail(const config::Config& config) {
  std::vector<Named> folders;
  for (std::string& folder : config.badmailDirs()) folders.push_back({"badmail", std::move(folder)});
  return folders;
}

// Lists of aliases may lie anywhere, so that who may read them may read everything.
std::vector<Named> ofAliases(const config::Config& config) {
  return {{"directory.alias_files", config.directory.aliasFiles ? "/" : ""}};
}

std::vector<Named> ofOut(const config::Config& config) {
  return {{"outbound.ca_file", config.outbound.caFile},
          {"log.syslog_ca", config.log.syslogCa},
          {"outbound.certificate", config.outbound.certificate.certificate},
          {"outbound.key", config.outbound.certificate.key},
          {"oauth.introspection.ca_file", config.oauth.introspectionCa},
          {"oauth.introspection.secret_file", config.oauth.clientSecretFile}};
}

std::vector<Named> ofLog(const config::Config& config) {
  std::vector<Named> files;
  if (config.log.target == config::LogTarget::file) files.push_back({"log.file", config.log.file});
  for (const config::LogRule& rule : config.log.rules) files.push_back({"log.rules", rule.file});
  return files;
}

enum class Rights {
  reread,  ///< as daemon::addReread() gives them
  folder,  ///< the file's, whatever else it holds
  itself,  ///< it is a folder, and nothing else helps: others are given for less
};

struct Group {
  const char* processes;
  Rights rights;
  bool readsAliases;  ///< and may therefore read everything where lists of aliases are allowed
  std::vector<Named> (*files)(const config::Config& config);
};
// clang-format off
constexpr std::array kGroups = {
    //    processes                       rights           aliases  files
    Group{"smtpd, pop3d and imapd",       Rights::reread,  false,   &ofListeners},
    Group{"queued/auth",                  Rights::folder,  true,    &ofAuth},
    Group{"queued/spool",                 Rights::reread,  true,    &ofSpool},
    Group{"queued/spool",                 Rights::itself,  true,    &ofReports},
    Group{"queued/spool",                 Rights::itself,  true,    &ofBadmail},
    Group{"queued/auth and queued/spool", Rights::itself,  true,    &ofAliases},
    Group{"queued/out",                   Rights::reread,  false,   &ofOut},
    Group{"all of them",                  Rights::folder,  false,   &ofLog},
};
// clang-format on

/// What a process needs, or is given, for that file; the secret folders are those of the start.
std::vector<std::string> placesOf(Rights rights, const config::Config& atStart, const std::string& file) {
  if (rights == Rights::itself) return {fs::weakly_canonical(fs::absolute(file)).string()};
  if (rights == Rights::folder) return {fs::weakly_canonical(fs::absolute(file).parent_path()).string()};
  FileRights places;
  addReread(places, atStart, file);
  std::erase_if(places.read, [](const std::string& path) { return path.ends_with("/conf.d"); });
  return places.read;
}

}  // namespace

std::vector<std::string> outOfReach(const config::Config& atStart, const config::Config& now, const std::string& configFile) {
  std::vector<std::string> said;
  for (const Group& group : kGroups) {
    std::vector<std::string> given;
    if (group.rights != Rights::itself) given = placesOf(Rights::reread, atStart, configFile);
    const auto give = [&given](const std::vector<std::string>& places) { given.insert(given.end(), places.begin(), places.end()); };
    if (group.files == &ofAuth) give({"/etc"});
    if (atStart.directory.aliasFiles && group.readsAliases) give({"/"});
    const std::vector<Named> before = group.files(atStart);
    for (const Named& one : before) {
      if (!one.file.empty()) give(placesOf(group.rights, atStart, one.file));
    }
    const auto isGiven = [&given](const std::string& path) {
      return std::ranges::any_of(given, [&path](const std::string& folder) { return config::isWithin(path, folder); });
    };
    for (const Named& one : group.files(now)) {
      const bool isOld = std::ranges::any_of(before, [&one](const Named& old) { return old.file == one.file; });
      if (one.file.empty() || isOld || std::ranges::all_of(placesOf(group.rights, atStart, one.file), isGiven)) continue;
      said.push_back(fmt::format("{} needs a restart: {} lies in a folder that the running processes ({}) have no right to", one.key, one.file, group.processes));
    }
  }
  return said;
}

bool confinesToFiles() {
  constexpr unsigned kVersion = 1;  // LANDLOCK_CREATE_RULESET_VERSION
  return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kVersion) >= 1;
}

}  // namespace ostler::daemon
