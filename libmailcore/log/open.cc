#include "libmailcore/log/open.h"

#include "libmailcore/log/format.h"

namespace ostler::log {
namespace {

void applyLevels(const Log& log, const config::LogSettings& settings) {
  log.setLevel("", parseLevel(settings.level).value_or(Level::info));
  for (const auto& [module, level] : settings.modules) log.setLevel(module, parseLevel(level).value_or(Level::info));
}

}  // namespace

Log open(const config::LogSettings& settings, std::string program) {
  using From = config::LogSettings::Target;
  Options options;
  options.program = std::move(program);
  options.file = settings.file;
  options.format = settings.format == config::LogSettings::Format::json ? Options::Format::json : Options::Format::text;
  switch (settings.target) {
    case From::standardError:
      options.target = Options::Target::standardError;
      break;
    case From::journald:
      options.target = Options::Target::journald;
      break;
    case From::syslog:
      options.target = Options::Target::syslog;
      break;
    case From::file:
      options.target = Options::Target::file;
      break;
  }
  Log log = Log::open(options);
  applyLevels(log, settings);
  return log;
}

void apply(const Log& log, const config::LogSettings& settings) {
  applyLevels(log, settings);
  log.reopen();
}

}  // namespace ostler::log
