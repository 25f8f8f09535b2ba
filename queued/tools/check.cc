// check.cc - ostler check: what is wrong with the configuration. Exit status 0 clean, 1 errors, 2 warnings alone.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "libmailcore/directory/check.h"
#include "libmailcore/sasl/gss_context.h"
#include "libmailcore/sasl/jwt.h"
#include "queued/report/report.h"
#include "queued/tools/common.h"
#include "queued/tools/in_force.h"

namespace ostler::tools {
namespace {

using config::Problem;

void print(const Problem& problem, const CommonOptions& options) {
  if (!options.json) {
    fmt::print(stderr, "{}\n", config::toText(problem));
    return;
  }
  const bool isError = problem.severity == Problem::Severity::error;
  fmt::print("{}\n", nlohmann::json{{"file", problem.place.file},
                                    {"line", problem.place.line},
                                    {"column", problem.place.column},
                                    {"severity", isError ? "error" : "warning"},
                                    {"text", problem.text}}
                         .dump());
}

/// A directory that is not there yet has no problems: domains are added after the configuration is right.
std::vector<Problem> directoryProblems(const config::Config& config) {
  if (!std::filesystem::exists(config.directoryDir() + "/directory.mdb")) return {};
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

int printKeys(const CommonOptions& options) {
  for (const config::KeyInfo& key : config::describeKeys()) {
    if (options.json) {
      fmt::print(
          "{}\n",
          nlohmann::json{{"key", key.path}, {"type", key.type}, {"default", key.standard}, {"meaning", key.meaning}}
              .dump());
    } else {
      fmt::print("{:<44} {:<28} {:<20} {}\n", key.path, key.type, key.standard.empty() ? "-" : key.standard,
                 key.meaning);
    }
  }
  return 0;
}

}  // namespace

int check(const Call& call) {
  CommonOptions options;
  bool keys = false;
  CLI::App app("Reads the configuration and says what is wrong with it: exit status 0 clean, 1 errors, 2 warnings.");
  addConfigOption(app, options);
  addJsonOption(app, options);
  app.add_flag("--keys", keys, "list every key with type, default and meaning instead");
  if (const auto status = parse(app, call)) return *status;
  if (keys) return printKeys(options);

  config::Loaded loaded = config::load(options.config);
  if (loaded.config) {
    for (Problem& problem : config::checkFiles(*loaded.config)) loaded.problems.push_back(std::move(problem));
    for (const auto& look : {&missingParts, &tokenKeys, &directoryProblems, &reloadProblems}) {
      for (Problem& problem : look(*loaded.config)) loaded.problems.push_back(std::move(problem));
    }
    if (const auto words = report::readWords(loaded.config->reports); !words)
      loaded.problems.push_back({Problem::Severity::error, loaded.config->placeOf("reports.templates"), words.error().detail});
  }
  bool errors = false;
  for (const Problem& problem : loaded.problems) {
    print(problem, options);
    errors = errors || problem.severity == Problem::Severity::error;
  }
  if (errors) return 1;
  return loaded.problems.empty() ? 0 : 2;
}

}  // namespace ostler::tools
