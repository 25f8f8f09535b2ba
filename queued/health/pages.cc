#include "queued/health/pages.h"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "libmailcore/ipc/control.h"
#include "libmailcore/metrics/counters.h"
#include "libmailcore/metrics/histogram.h"
#include "libmailcore/net/certificate.h"
#include "queued/health/disk_room.h"
#include "queued/health/exposition.h"
#include "queued/health/probe.h"

namespace ostler::health {
namespace {

using Config = std::shared_ptr<const config::Config>;
using prometheus::MetricType;

constexpr std::chrono::seconds kSpoolPatience{5};
Page busy() { return {503, "too many questions at once\n"}; }

struct Answer {
  Probe probe;
  bool up = false;
};

std::vector<Answer> askAll(const Config& config) {
  std::vector<Answer> asked;
  for (const Probe& probe : probesOf(*config)) {
    if (probe.service == "http") continue;  // that is us
    asked.push_back({probe, answers(probe)});
  }
  return asked;
}

void addListeners(Exposition& out, const Config& config) {
  out.family("ostler_listener_up", MetricType::Gauge, "does a listener answer");
  for (const Answer& answer : askAll(config)) {
    out.sample({{"service", answer.probe.service}, {"address", answer.probe.address.text()}}, answer.up ? 1 : 0);
  }
}

void addEvents(Exposition& out, const Config& config) {
  out.family("ostler_events_total", MetricType::Counter, "events logged by a process: what happened how often");
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(config->log.countersDir, none)) {
    const auto reading = metrics::readCounters(entry.path().string());
    if (!reading) continue;
    for (const auto& [event, count] : reading->counts) {
      out.sample({{"process", entry.path().filename().string()}, {"event", event}}, static_cast<double>(count));
    }
  }
}

void addCertificates(Exposition& out, const Config& config) {
  out.family("ostler_certificate_not_after_seconds", MetricType::Gauge, "when a certificate expires, in seconds since 1970");
  for (const auto& [pair, hostName] : config->allCertificates()) {
    const auto facts = net::readCertificate(pair.certificate, hostName);
    if (facts) out.sample({{"file", pair.certificate}}, static_cast<double>(toUnixMillis(facts->notAfter) / 1000));
  }
}

void addDisk(Exposition& out, const Config& config) {
  out.family("ostler_disk_free_octets", MetricType::Gauge, "what an unprivileged process may still write");
  const std::vector<DiskRoom> disks = disksOf(*config);
  for (const DiskRoom& disk : disks) out.sample({{"folder", disk.folder}}, static_cast<double>(disk.freeOctets));
  out.family("ostler_disk_enough", MetricType::Gauge, "0: less is free than queue.free_space_floor, and new mail is refused");
  for (const DiskRoom& disk : disks) out.sample({{"folder", disk.folder}}, disk.isEnough ? 1 : 0);
}

/// What is no histogram is left away: the spool's word is read as anybody's.
void addTimes(Exposition& out, const char* name, const char* help, const nlohmann::json& numbers) {
  using metrics::Histogram;
  const auto counts = numbers.is_object() ? numbers.value("counts", nlohmann::json()) : nlohmann::json();
  const auto micros = numbers.is_object() ? numbers.value("micros", nlohmann::json()) : nlohmann::json();
  if (!counts.is_array() || counts.size() != Histogram::kUpToMillis.size() + 1 || !micros.is_number_unsigned()) return;
  std::vector<std::uint64_t> values;
  for (const auto& count : counts) values.push_back(count.is_number_unsigned() ? count.get<std::uint64_t>() : 0);
  out.histogram(name, help, Histogram::kUpToMillis, values, micros.get<std::uint64_t>());
}

void addDestinations(Exposition& out, const nlohmann::json& destinations) {
  if (!destinations.is_array()) return;
  struct Row {
    const char* name;
    const char* help;
    const char* key;
  };
  for (const Row& row : {Row{"ostler_destination_waiting", "messages in line for a next hop, of the fifty longest lines", "waiting"},
                         Row{"ostler_destination_running", "deliveries to a next hop under way", "running"}}) {
    out.family(row.name, MetricType::Gauge, row.help);
    for (const auto& one : destinations) {
      const bool isOne = one.is_object() && one.contains(row.key) && one[row.key].is_number_integer() && one.contains("name") && one["name"].is_string() &&
                         one.contains("state") && one["state"].is_string();
      if (isOne) out.sample({{"destination", one["name"].get<std::string>()}, {"state", one["state"].get<std::string>()}}, one[row.key].get<double>());
    }
  }
}

void addQueue(Exposition& out, const std::string& summary) {
  out.family("ostler_spool_up", MetricType::Gauge, "does the spool answer");
  const auto numbers = nlohmann::json::parse(summary, nullptr, false);
  out.sample({}, numbers.is_object() ? 1 : 0);
  if (!numbers.is_object()) return;
  for (const auto& [name, value] : numbers.items()) {
    if (!value.is_number_integer()) continue;
    out.family("ostler_queue_" + name, MetricType::Gauge, "of the queue");
    out.sample({}, value.get<double>());
  }
  addTimes(out, "ostler_delivery_seconds", "from a message's arrival to the delivery to a recipient", numbers.value("delivery", nlohmann::json()));
  addTimes(out, "ostler_sync_seconds", "fdatasync of the queue's journal", numbers.value("sync", nlohmann::json()));
  addDestinations(out, numbers.value("destinations", nlohmann::json()));
}

/// Of what the spool said of them: role, and whether it answers. Of its own it tells by answering.
std::vector<std::pair<std::string, bool>> rolesOf(const std::string& said) {
  const auto roles = nlohmann::json::parse(said, nullptr, false);
  std::vector<std::pair<std::string, bool>> all = {{"spool", roles.is_object()}};
  for (const char* const role : {"auth", "out"}) {
    const auto up = roles.is_object() ? roles.value(role, nlohmann::json()) : nlohmann::json();
    all.emplace_back(role, up.is_boolean() && up.get<bool>());
  }
  return all;
}

void addRoles(Exposition& out, const std::string& said) {
  out.family("ostler_role_up", MetricType::Gauge, "does a process behind the listeners answer; of no other is known while the spool does not");
  for (const auto& [role, up] : rolesOf(said)) out.sample({{"role", role}}, up ? 1 : 0);
}

std::string numbersOf(const Config& config, const std::string& summary, const std::string& roles) {
  Exposition out;
  out.family("ostler_build_info", MetricType::Gauge, "which version runs");
  out.sample({{"version", OSTLER_VERSION}}, 1);
  addQueue(out, summary);
  addRoles(out, roles);
  addListeners(out, config);
  addEvents(out, config);
  addCertificates(out, config);
  addDisk(out, config);
  return out.text();
}

Page readiness(const Config& config, const std::string& said) {
  Page page;
  const auto miss = [&page](const std::string& what) {
    page.status = 503;
    page.text += what + " does not answer\n";
  };
  for (const Answer& answer : askAll(config)) {
    if (!answer.up) miss(answer.probe.service + " " + answer.probe.address.text());
  }
  for (const auto& [role, up] : rolesOf(said)) {
    if (!up) miss("role " + role);
  }
  for (const DiskRoom& disk : disksOf(*config)) {
    if (disk.isEnough) continue;
    page.status = 503;
    page.text += "the disk of " + disk.folder + " has " + kNoRoom + "\n";
  }
  if (page.status == 200) page.text = "ready\n";
  return page;
}

}  // namespace

Pages::Pages(Loop& loop, Pool& pool, Config config)
    : loop_(loop), pool_(pool), config_(std::move(config)), control_(loop, config_->socketPath("control")) {}

Task<Page> Pages::readyz() {
  std::string roles = co_await ask({"roles"});
  auto job = [config = config_, roles = std::move(roles)]() -> Result<Page> { return readiness(config, roles); };
  Result<Page> page = co_await pool_.run(loop_, std::move(job));
  co_return page.value_or(busy());
}

Task<std::string> Pages::ask(std::vector<std::string> words) {
  ipc::ControlRequest request;
  request.words = std::move(words);
  Result<ipc::ControlReply> reply = co_await control_.call(std::move(request), Deadline::after(kSpoolPatience));
  if (!reply || reply->exitCode != 0) co_return std::string();
  co_return std::move(reply->output);
}

Task<Page> Pages::metrics() {
  std::string summary = co_await ask({"queue", "summary"});
  std::string roles;
  if (!summary.empty()) roles = co_await ask({"roles"});  // who has waited once waits no second time
  auto job = [config = config_, summary = std::move(summary), roles = std::move(roles)]() -> Result<Page> {
    return Page{200, numbersOf(config, summary, roles)};
  };
  Result<Page> page = co_await pool_.run(loop_, std::move(job));
  co_return page.value_or(busy());
}

}  // namespace ostler::health
