#include "libmailcore/log/open.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "libmailcore/log/format.h"

namespace ostler::log {
namespace {

using config::LogSettings;
using config::LogTarget;

/// "spool" of "queued/spool".
std::string_view processOf(const std::string& program) {
  const std::string_view name = program;
  return name.substr(name.find('/') == std::string::npos ? 0 : name.find('/') + 1);
}

void applyLevels(const Log& log, const LogSettings& settings) {
  log.setLevel("", parseLevel(settings.level).value_or(Level::info));
  log.forgetModuleLevels();  // one that a reload took out of the settings
  for (const auto& [module, level] : settings.modules) log.setLevel(module, parseLevel(level).value_or(Level::info));
}

/// A process is a module, too: its level takes the place of the level of all. What a rule says goes before either.
LogSettings asModule(LogSettings settings, std::string_view process) {
  const auto own = settings.modules.find(std::string(process));
  if (own != settings.modules.end()) settings.level = own->second;
  return settings;
}

Options optionsOf(const LogSettings& settings, const std::string& program) {
  Options options;
  options.program = program;
  options.file = settings.file;
  options.maxSize = settings.maxSize.octets;
  options.countersDir = settings.countersDir;
  options.format = settings.format == LogSettings::Format::json ? Options::Format::json : Options::Format::text;
  if (settings.syslogServer != net::Endpoint{}) options.relay = settings.relay;
  switch (settings.target) {
    case LogTarget::same:  // a rule's word; logOf() leaves none
    case LogTarget::standardError:
      options.target = Options::Target::standardError;
      break;
    case LogTarget::journald:
      options.target = Options::Target::journald;
      break;
    case LogTarget::syslog:
      options.target = Options::Target::syslog;
      break;
    case LogTarget::file:
      options.target = Options::Target::file;
      break;
    case LogTarget::nothing:
      options.target = Options::Target::nothing;
      break;
  }
  return options;
}

/// Who has lines about the sessions or the mail of one virtual server.
constexpr std::array<std::string_view, 4> kTellOfServers = {"smtpd", "spool", "out", "auth"};

Log::Servers serversOf(const Log& log, const LogSettings& settings, const std::string& program) {
  Log::Servers servers;
  const std::string_view process = processOf(program);
  if (std::ranges::find(kTellOfServers, process) == kTellOfServers.end()) return servers;
  for (const config::LogRule& rule : settings.rules) {
    const bool isAboutUs = rule.processes.empty() || std::ranges::find(rule.processes, process) != rule.processes.end();
    if (rule.virtualServer.empty() || !isAboutUs || servers.contains(rule.virtualServer)) continue;
    const LogSettings own = config::logOf(settings, process, rule.virtualServer);
    const Log made = log.beside(optionsOf(own, program));
    applyLevels(made, own);
    servers.emplace(rule.virtualServer, made);
  }
  return servers;
}

}  // namespace

Log open(const LogSettings& all, const std::string& program) {
  const LogSettings settings = asModule(all, processOf(program));
  const LogSettings own = config::logOf(settings, processOf(program));
  Log log = Log::open(optionsOf(own, program));
  applyLevels(log, own);
  log.setServers(serversOf(log, settings, program));
  return log;
}

void apply(const Log& log, const LogSettings& all, const std::string& program) {
  const LogSettings settings = asModule(all, processOf(program));
  applyLevels(log, config::logOf(settings, processOf(program)));
  log.setServers(serversOf(log, settings, program));
  log.reopen();
}

}  // namespace ostler::log
