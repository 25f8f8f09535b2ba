// check.cc - ostler check: what is wrong with the configuration. Exit status 0 clean, 1 errors, 2 warnings alone.
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "queued/tools/common.h"
#include "queued/tools/problems.h"

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

  const std::vector<Problem> problems = problemsOf(config::load(options.config));
  bool errors = false;
  for (const Problem& problem : problems) {
    print(problem, options);
    errors = errors || problem.severity == Problem::Severity::error;
  }
  if (errors) return 1;
  return problems.empty() ? 0 : 2;
}

}  // namespace ostler::tools
