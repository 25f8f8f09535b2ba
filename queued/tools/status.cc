// status.cc - ostler status: is it running, does every listener answer, and how is it. --ready: the exit status alone.
#include <sys/statvfs.h>
#include <sysexits.h>

#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "libmailcore/base/ascii.h"
#include "libmailcore/metrics/counters.h"
#include "libmailcore/net/certificate.h"
#include "queued/health/probe.h"
#include "queued/tools/common.h"
#include "queued/tools/log_lines.h"
#include "queued/tools/supervisor_lock.h"

namespace ostler::tools {
namespace {

struct Health {
  bool all = true;
  std::vector<nlohmann::json> lines;
};

void addListeners(Health& health, const config::Config& config) {
  for (const health::Probe& probe : health::probesOf(config)) {
    const bool up = health::answers(probe);
    health.all = health.all && up;
    health.lines.push_back({{"service", probe.service}, {"address", probe.address.text()}, {"up", up}});
  }
}

/// What the spool says of its queue; nothing when it does not answer.
void addQueue(Health& health, const config::Config& config) {
  std::string summary;
  const auto keep = [&summary](const std::string& output) { summary += output; };
  const Deadline soon = Deadline::after(std::chrono::seconds(5));
  if (ask(config, "control", {"queue", "summary"}, keep, soon) != EX_OK) return;
  const auto numbers = nlohmann::json::parse(summary, nullptr, false);
  if (numbers.is_object()) health.lines.push_back({{"queue", numbers}});
}

void addCertificates(Health& health, const config::Config& config) {
  for (const auto& [pair, hostName] : config.allCertificates()) {
    const auto facts = net::readCertificate(pair.certificate, hostName);
    if (!facts) continue;
    const auto left = facts->notAfter - SystemClock().now();
    health.lines.push_back({{"certificate", pair.certificate},
                            {"days", std::chrono::duration_cast<std::chrono::hours>(left).count() / 24},
                            {"self_signed", facts->selfSigned}});
  }
}

void addDisk(Health& health, const config::Config& config) {
  for (const std::string& folder : {config.dataDir, config.spoolRoot()}) {
    struct statvfs disk{};
    if (::statvfs(folder.c_str(), &disk) != 0) continue;
    health.lines.push_back({{"disk", folder}, {"free_octets", disk.f_bavail * disk.f_frsize}});
  }
}

/// Accounts that have mail; what is in one of them, `ostler mailbox list` tells.
void addStore(Health& health, const config::Config& config) {
  std::error_code closed;  // to who may not enter
  std::uint64_t accounts = 0;
  for (const auto& entry : std::filesystem::directory_iterator(config.accountsDir(), closed)) accounts += entry.is_directory(closed) ? 1U : 0U;
  health.lines.push_back({{"store", config.accountsDir()}, {"accounts", accounts}});
}

void addErrors(Health& health, const config::Config& config) {
  constexpr std::size_t kShown = 5;
  for (const std::string& line : lastErrors(config.log, kShown)) health.lines.push_back({{"error", printable(line, 2048)}});
}

/// How often each process logged a warning or an error is in its counters; what, in its log.
void addProcesses(Health& health, const config::Config& config) {
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(config.log.countersDir, none)) {
    const auto reading = metrics::readCounters(entry.path().string());
    if (!reading) continue;
    const auto count = [&reading](const char* name) {
      const auto found = reading->counts.find(name);
      return found == reading->counts.end() ? std::uint64_t{0} : found->second;
    };
    health.lines.push_back({{"process", entry.path().filename().string()},
                            {"pid", reading->pid},
                            {"started", count("started")},
                            {"warnings", count("level-warn")},
                            {"errors", count("level-error")}});
  }
}

void printInWords(const nlohmann::json& line) {
  if (line.contains("service")) {
    fmt::print("{:<10} {:<40} {}\n", line["service"].get<std::string>(), line["address"].get<std::string>(),
               line["up"].get<bool>() ? "up" : "down");
    return;
  }
  std::string text;
  const auto add = [&text](const std::string& key, const nlohmann::json& value) {
    text += (text.empty() ? "" : " ") + key + " " + (value.is_string() ? value.get<std::string>() : value.dump());
  };
  for (const char* const first : {"version", "queue", "store", "certificate", "disk", "process", "error"}) {
    if (line.contains(first) && !line[first].is_object()) add(first, line[first]);
    if (line.contains(first) && line[first].is_object()) text = first;
  }
  for (const auto& [key, value] : line.items()) {
    if (value.is_object()) {
      for (const auto& [inner, number] : value.items()) add(inner, number);
    } else if (!text.starts_with(key + " ")) {
      add(key, value);
    }
  }
  fmt::print("{}\n", text);
}

/// Nothing is printed: does every listener answer?
int readiness(const config::Config& config) {
  for (const health::Probe& probe : health::probesOf(config)) {
    if (!health::answers(probe)) return EX_UNAVAILABLE;
  }
  return EX_OK;
}

}  // namespace

int status(const Call& call) {
  CommonOptions options;
  bool ready = false;
  CLI::App app(
      "Says what runs: version, listeners, queue, store, certificates, disk, processes, last errors. Exit status 0 when every listener answers, "
      "else 69.");
  addConfigOption(app, options);
  addJsonOption(app, options);
  app.add_flag("--ready", ready, "print nothing");
  if (const auto exit = parse(app, call)) return *exit;
  const auto config = loadConfig(options);
  if (!config) return EX_CONFIG;
  if (ready) return readiness(*config);

  Health health;
  const auto supervisor = SupervisorLock::holder(config->runDir);
  health.lines.push_back({{"version", OSTLER_VERSION}, {"supervisor", supervisor ? *supervisor : 0}});
  addListeners(health, *config);
  if (health.all) addQueue(health, *config);
  addCertificates(health, *config);
  addDisk(health, *config);
  addStore(health, *config);
  addProcesses(health, *config);
  addErrors(health, *config);
  for (const nlohmann::json& line : health.lines) {
    if (options.json)
      fmt::print("{}\n", line.dump());
    else
      printInWords(line);
  }
  return health.all ? EX_OK : EX_UNAVAILABLE;
}

}  // namespace ostler::tools
