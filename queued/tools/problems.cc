#include "queued/tools/problems.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "libmailcore/directory/check.h"
#include "libmailcore/directory/own/own_directory.h"
#include "libmailcore/sasl/gss_context.h"
#include "libmailcore/sasl/jwt.h"
#include "queued/report/words.h"
#include "queued/tools/in_force.h"
#include "queued/tools/key_readers.h"
#include "queued/tools/unit_folders.h"

namespace ostler::tools {
namespace {

using config::Problem;

/// A directory that is not there yet has no problems: domains are added after the configuration is right.
std::vector<Problem> directoryProblems(const config::Config& config) {
  std::error_code error;
  const bool isThere = std::filesystem::exists(config.directoryDir() + "/directory.mdb", error);
  if (error) return {{Problem::Severity::warning, {config.directoryDir(), 1, 1}, "not looked into: " + error.message() + "; ask as root"}};
  if (!isThere) return {};
  const auto directory = directory::OwnDirectory::open(config.directoryDir());
  if (directory) return directory::checkDirectory(**directory, config);
  return {{Problem::Severity::warning, {config.directoryDir(), 1, 1}, "not looked into: " + directory.error().detail}};
}

/// What this build of Ostler was made without.
std::vector<Problem> missingParts(const config::Config& config) {
  if (config.kerberos.keytab.empty() || sasl::hasKerberos()) return {};
  return {{Problem::Severity::error, config.placeOf("kerberos.keytab"), "kerberos.keytab: Ostler was built without Kerberos: logins by GSSAPI are not built in (libkrb5-dev was missing, or OSTLER_KERBEROS=OFF)"}};
}

/// A set of keys that cannot be read as one: no token would be good.
std::vector<Problem> tokenKeys(const config::Config& config) {
  const std::string& file = config.oauth.jwksFile;
  std::ifstream in(file, std::ios::binary);
  const std::string json((std::istreambuf_iterator<char>(in)), {});
  if (file.empty() || !in) return {};  // that it cannot be read is told by checkFiles()
  const auto keys = sasl::JwkSet::parse(json);
  const config::Place place = config.placeOf("oauth.jwks_file");
  if (!keys) return {{Problem::Severity::error, place, "oauth.jwks_file: " + file + " is no set of keys: " + keys.error().detail}};
  if ((*keys)->size() == 0) return {{Problem::Severity::warning, place, "oauth.jwks_file: " + file + " holds no key that can be used: no token is good"}};
  return {};
}

/// What a suite that runs already would say to a reload.
std::vector<Problem> reloadProblems(const config::Config& config) {
  std::vector<Problem> problems;
  for (const std::string& reason : reloadRefusals(config))
    problems.push_back({Problem::Severity::warning, config.placeOf(""), "the running suite would refuse a reload: " + reason});
  return problems;
}

}  // namespace

std::vector<Problem> problemsOf(const config::Loaded& loaded) {
  std::vector<Problem> problems = loaded.problems;
  if (!loaded.config) return problems;
  for (const auto& look :
       {&config::checkFiles, &closedToProcesses, &closedByUnit, &missingParts, &tokenKeys, &report::faultsOfWords, &directoryProblems, &reloadProblems}) {
    for (Problem& problem : look(*loaded.config)) problems.push_back(std::move(problem));
  }
  return problems;
}

}  // namespace ostler::tools
