// status.cc - ostler status: is it running, does every listener and process answer, and how is it. --ready: the exit status alone.
#include <sysexits.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "libmailcore/base/ascii.h"
#include "libmailcore/config/quantity.h"
#include "libmailcore/metrics/counters.h"
#include "libmailcore/net/certificate.h"
#include "queued/health/disk_room.h"
#include "queued/health/probe.h"
#include "queued/tools/common.h"
#include "queued/tools/in_force.h"
#include "queued/tools/log_lines.h"
#include "queued/tools/roles.h"
#include "queued/tools/supervisor_lock.h"

namespace ostler::tools {
namespace {

struct Health {
  bool well = true;
  std::vector<nlohmann::json> lines;
};

void addListeners(Health& health, const config::Config& config) {
  for (const health::Probe& probe : health::probesOf(config)) {
    const bool up = health::answers(probe);
    health.well = health.well && up;
    health.lines.push_back({{"service", probe.service}, {"address", probe.address.text()}, {"up", up}});
  }
}

void addRoles(Health& health, const config::Config& config) {
  for (const RoleAnswer& answer : askRoles(config)) {
    health.well = health.well && answer.up;
    health.lines.push_back({{"service", answer.role}, {"address", answer.socket}, {"up", answer.up}});
  }
}

void addQueue(Health& health, const config::Config& config) {
  const nlohmann::json numbers = askSpool(config, {"queue", "summary"});
  if (!numbers.is_object()) return;
  if (numbers.value("stopped", 0) != 0) health.well = false;
  health.lines.push_back({{"queue", numbers}});
}

void addCertificates(Health& health, const config::Config& config) {
  for (const auto& [pair, hostName] : config.allCertificates()) {
    const auto facts = net::readCertificate(pair.certificate, hostName);
    if (!facts) {
      if (::geteuid() == 0) health.well = false;  // others may just not be allowed to
      health.lines.push_back({{"certificate", pair.certificate}, {"fault", facts.error().detail}});
      continue;
    }
    const auto left = facts->notAfter - SystemClock().now();
    const bool expired = left <= left.zero();
    if (expired) health.well = false;
    health.lines.push_back({{"certificate", pair.certificate},
                            {"days", std::chrono::floor<std::chrono::days>(left).count()},
                            {"self_signed", facts->selfSigned},
                            {"expired", expired}});
  }
}

void addDisk(Health& health, const config::Config& config) {
  for (const health::DiskRoom& disk : health::disksOf(config)) {
    if (!disk.isEnough) health.well = false;
    health.lines.push_back({{"disk", disk.folder}, {"free_octets", disk.freeOctets}, {"enough", disk.isEnough}});
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

std::string asText(const nlohmann::json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

/// "key value" of all that is no table: monitors read those as JSON.
std::string pairsOf(const nlohmann::json& line, std::string_view first) {
  std::string text;
  if (line.contains(first)) text = fmt::format("{} {}", first, asText(line.at(std::string(first))));
  for (const auto& [key, value] : line.items()) {
    if (!value.is_structured() && key != first) text += fmt::format("{}{} {}", text.empty() ? "" : " ", key, asText(value));
  }
  return text;
}

std::string inWords(const nlohmann::json& line) {
  if (line.contains("service"))
    return fmt::format("{:<10} {:<40} {}", asText(line["service"]), asText(line["address"]), line["up"].get<bool>() ? "up" : "down");
  if (line.contains("queue")) return "queue " + pairsOf(line["queue"], "");
  if (line.contains("disk")) {
    const ByteCount free{line["free_octets"].get<std::uint64_t>() >> 20 << 20};
    return fmt::format("disk {} free {}{}", asText(line["disk"]), config::toText(free),
                       line["enough"].get<bool>() ? "" : std::string(", ") + health::kNoRoom);
  }
  for (const char* const first : {"version", "configuration", "store", "certificate", "process", "error"}) {
    if (line.contains(first)) return pairsOf(line, first);
  }
  return pairsOf(line, "");
}

/// Nothing is printed: does every listener answer, and every process behind them, and has the disk room for mail?
int readiness(const config::Config& config) {
  for (const health::Probe& probe : health::probesOf(config)) {
    if (!health::answers(probe)) return EX_UNAVAILABLE;
  }
  (void)std::freopen("/dev/null", "w", stderr);  // where it is told that nobody answers
  Health health;
  addRoles(health, config);
  addDisk(health, config);
  return health.well ? EX_OK : EX_UNAVAILABLE;
}

}  // namespace

int status(const Call& call) {
  CommonOptions options;
  bool ready = false;
  CLI::App app(
      "Says what runs: version, listeners, processes, queue, store, certificates, disk, last errors. Exit status 0 when every listener and "
      "process answers, the queue takes mail, no certificate has expired and the disk has room for mail, else 69.");
  addConfigOption(app, options);
  addJsonOption(app, options);
  app.add_flag("--ready", ready, "print nothing; exit status 0 when every listener and process answers and the disk has room for mail, else 69");
  if (const auto exit = parse(app, call)) return *exit;
  const InForceNow now = configInForce(options.config);
  const auto& config = now.config;
  if (!config) return EX_CONFIG;
  if (!mayAskRoles(*config)) {
    fmt::print(stderr, "{}: {}: only administrators may ask here; ask as root\n", call.name, config->socketPath("control"));
    return EX_NOPERM;
  }
  if (ready) return readiness(*config);

  Health health;
  const auto supervisor = SupervisorLock::holder(config->runDir);
  health.lines.push_back({{"version", OSTLER_VERSION}, {"supervisor", supervisor ? *supervisor : 0}});
  if (!now.why.empty()) health.lines.push_back({{"configuration", now.why}});
  if (now.isBroken) health.well = false;
  addListeners(health, *config);
  addRoles(health, *config);
  addQueue(health, *config);
  addCertificates(health, *config);
  addDisk(health, *config);
  addStore(health, *config);
  addProcesses(health, *config);
  addErrors(health, *config);
  for (const nlohmann::json& line : health.lines) {
    if (options.json)
      fmt::print("{}\n", line.dump());
    else
      fmt::print("{}\n", inWords(line));
  }
  return health.well ? EX_OK : EX_UNAVAILABLE;
}

}  // namespace ostler::tools
