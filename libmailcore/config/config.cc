#include "libmailcore/config/config.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <tuple>
#include <utility>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"
#include "libmailcore/config/reader.h"
#include "libmailcore/config/run_dir.h"
#include "libmailcore/config/sources.h"
#include "libmailcore/config/yaml.h"

namespace ostler::config {
namespace {

std::string machineName() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

/// All texts as one tree.
Node treeOf(const std::vector<Source>& sources, std::vector<Problem>& problems) {
  Node root;
  root.kind = Node::Kind::map;
  bool isFirst = true;
  for (const Source& one : sources) {
    Node node = parseYaml(one.text, one.file, problems);
    if (std::exchange(isFirst, false)) root = std::move(node);
    else merge(root, std::move(node));
  }
  return root;
}

/// What relative paths are below.
std::string folderOf(const std::vector<Source>& sources, const std::string& file) {
  return std::filesystem::absolute(sources.empty() ? file : sources.front().file).parent_path().string();
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

/// What we call ourselves goes out in A-labels. RFC 5891 4.4.
void canonicalise(std::string& name) {
  if (!isAllAscii(name)) name = comparableDomain(name);
}
void canonicalise(VirtualServer& server) {
  for (std::string* const name : {&server.hostName, &server.heloName, &server.defaultDomain, &server.masqueradeDomain}) canonicalise(*name);
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

Place Config::placeOf(std::string_view path) const {
  for (;;) {
    const auto there = places.find(path);
    if (there != places.end()) return there->second;
    if (path.empty()) return {};
    const std::size_t end = path.find_last_of(".[");
    path = path.substr(0, end == std::string_view::npos ? 0 : end);
  }
}

Place Config::placeOf(const VirtualServer& server, std::string_view key) const {
  for (const std::string& section : {server.path, std::string("smtp")}) {
    const auto there = places.find(section + "." + std::string(key));
    if (there != places.end()) return there->second;
  }
  return server.place;
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
  std::vector<Problem> problems;
  const std::vector<Source> sources = readSources(file, problems);
  const Node root = treeOf(sources, problems);
  const bool isAllRead = problems.empty();
  const Node* const said = root.find("run_dir");
  const bool isText = said != nullptr && said->kind == Node::Kind::scalar && !said->text.empty();
  if (!isText && (said != nullptr || !isAllRead)) return {};
  Config config;
  readConfig(root, folderOf(sources, file), config, problems);
  return config.runDir;
}

Handover handoverOf(const std::string& file) {
  const Loaded loaded = load(file);
  if (loaded.config) return {loaded.config};
  const bool isMissing = ::access(file.c_str(), F_OK) != 0 && errno == ENOENT;
  std::vector<Problem> problems;
  const std::vector<Source> sources = readSources(file, problems);
  const Node root = treeOf(sources, problems);
  const bool isAllRead = isMissing || problems.empty();
  auto config = std::make_shared<Config>();
  readConfig(root, folderOf(sources, file), *config, problems);
  if (config->hostName.empty()) config->hostName = machineName();
  canonicalise(config->hostName);
  return {config, isMissing || !runDirOf(file).empty(), isAllRead};
}

Loaded load(const std::string& file) {
  Loaded loaded;
  const std::vector<Source> sources = readSources(file, loaded.problems);
  const Node root = treeOf(sources, loaded.problems);
  Config config;
  config.places[""] = {sources.empty() ? file : sources.front().file, 1, 1};
  readConfig(root, folderOf(sources, file), config, loaded.problems);
  if (config.hostName.empty()) config.hostName = machineName();
  config.log.countersDir = config.runDir + "/metrics";
  config.log.relay = config.socketPath("log");
  const auto isError = [](const Problem& problem) { return problem.severity == Problem::Severity::error; };
  validate(config, loaded.problems);
  for (RouteRule& rule : config.routes) canonicalise(rule);
  for (VirtualServer& server : config.virtualServers) canonicalise(server);
  canonicalise(config.hostName);
  canonicalise(config.outbound.heloName);
  canonicalise(config.dns.hosts);
  canonicalise(config.dns.stubs);
  std::ranges::sort(loaded.problems, {},
                    [](const Problem& p) { return std::tie(p.place.file, p.place.line, p.place.column, p.text); });
  if (std::ranges::none_of(loaded.problems, isError)) loaded.config = std::make_shared<const Config>(std::move(config));
  return loaded;
}

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

}  // namespace ostler::config
