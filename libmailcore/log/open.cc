#include "libmailcore/log/open.h"

#include <algorithm>

#include "libmailcore/log/format.h"

namespace ostler::log {
namespace {

using config::LogSettings;

/// "spool" of "queued/spool".
std::string_view processOf(const std::string& program) {
  const std::string_view name = program;
  return name.substr(name.find('/') == std::string::npos ? 0 : name.find('/') + 1);
}

void applyLevels(const Log& log, const LogSettings& settings) {
  log.setLevel("", parseLevel(settings.level).value_or(Level::info));
  for (const auto& [module, level] : settings.modules) log.setLevel(module, parseLevel(level).value_or(Level::info));
}

Options optionsOf(const LogSettings& settings, const std::string& program) {
  Options options;
  options.program = program;
  options.file = settings.file;
  options.countersDir = settings.countersDir;
  options.format = settings.format == LogSettings::Format::json ? Options::Format::json : Options::Format::text;
  if (settings.syslogServer != net::Endpoint{}) options.relay = settings.relay;
  switch (settings.target) {
    case LogSettings::Target::standardError:
      options.target = Options::Target::standardError;
      break;
    case LogSettings::Target::journald:
      options.target = Options::Target::journald;
      break;
    case LogSettings::Target::syslog:
      options.target = Options::Target::syslog;
      break;
    case LogSettings::Target::file:
      options.target = Options::Target::file;
      break;
    case LogSettings::Target::nothing:
      options.target = Options::Target::nothing;
      break;
  }
  return options;
}

}  // namespace

Log open(const LogSettings& settings, const std::string& program) {
  const LogSettings own = config::logOf(settings, processOf(program));
  Log log = Log::open(optionsOf(own, program));
  applyLevels(log, own);
  return log;
}

Log openFor(const Log& log, const LogSettings& settings, const std::string& program, const std::string& virtualServer) {
  const auto isNamed = [&](const config::LogRule& rule) { return rule.virtualServer == virtualServer; };
  if (virtualServer.empty() || std::ranges::none_of(settings.rules, isNamed)) return log;
  const LogSettings own = config::logOf(settings, processOf(program), virtualServer);
  Log made = log.beside(optionsOf(own, program));
  applyLevels(made, own);
  return made;
}

void apply(const Log& log, const LogSettings& settings, const std::string& program) {
  applyLevels(log, config::logOf(settings, processOf(program)));
  log.reopen();
}

}  // namespace ostler::log
