#include "libmailcore/log/open.h"

#include <sys/socket.h>

#include "libmailcore/base/unique_fd.h"
#include "libmailcore/log/format.h"

namespace ostler::log {
namespace {

void applyLevels(const Log& log, const config::LogSettings& settings) {
  log.setLevel("", parseLevel(settings.level).value_or(Level::info));
  for (const auto& [module, level] : settings.modules) log.setLevel(module, parseLevel(level).value_or(Level::info));
}

/// Connected before the process confines itself: later it may not. RFC 5426. -1: there is no server, or no way to it.
int connectedTo(const net::Endpoint& server) {
  if (server == net::Endpoint{}) return -1;
  sockaddr_storage address{};
  const socklen_t length = server.toSockaddr(address);
  UniqueFd socket(::socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) return -1;
  return socket.release();
}

}  // namespace

Log open(const config::LogSettings& settings, std::string program) {
  using From = config::LogSettings::Target;
  Options options;
  options.program = std::move(program);
  options.file = settings.file;
  options.countersDir = settings.countersDir;
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
      options.syslogSocket = connectedTo(settings.syslogServer);
      break;
    case From::file:
      options.target = Options::Target::file;
      break;
    case From::nothing:
      options.target = Options::Target::nothing;
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
