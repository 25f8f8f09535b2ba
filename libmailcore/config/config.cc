#include "libmailcore/config/config.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <tuple>

#include "libmailcore/config/reader.h"
#include "libmailcore/config/yaml.h"

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

void requireReadable(const std::string& file, std::vector<Problem>& problems) {
  if (file.empty() || ::access(file.c_str(), R_OK) == 0) return;
  problems.push_back({Problem::Severity::error,
                      {file, 0, 0},
                      std::string("the configuration names this file: ") + std::strerror(errno)});
}

}  // namespace

std::string Place::text() const {
  return line == 0 ? file : file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

std::string toText(const Problem& problem) {
  return problem.place.text() + (problem.severity == Problem::Severity::error ? ": error: " : ": warning: ") +
         problem.text;
}

Loaded load(const std::string& file) {
  Loaded loaded;
  const std::filesystem::path path = std::filesystem::absolute(file);
  Node root = readYaml(file, loaded.problems);
  for (const std::string& dropIn : dropIns(path.parent_path())) merge(root, readYaml(dropIn, loaded.problems));

  Config config;
  readConfig(root, path.parent_path().string(), config, loaded.problems);
  if (config.hostName.empty()) config.hostName = machineName();
  const auto isError = [](const Problem& problem) { return problem.severity == Problem::Severity::error; };
  validate(config, file, loaded.problems);
  std::ranges::sort(loaded.problems, {},
                    [](const Problem& p) { return std::tie(p.place.file, p.place.line, p.place.column, p.text); });
  if (std::ranges::none_of(loaded.problems, isError)) loaded.config = std::make_shared<const Config>(std::move(config));
  return loaded;
}

std::vector<Problem> checkFiles(const Config& config) {
  std::vector<Problem> problems;
  for (const net::CertificateFiles& pair : config.certificates) {
    requireReadable(pair.certificate, problems);
    requireReadable(pair.key, problems);
  }
  for (const RouteRule& rule : config.routes) {
    requireReadable(rule.passwordFile, problems);
    requireReadable(rule.recipientsFile, problems);
  }
  return problems;
}

}  // namespace ostler::config
