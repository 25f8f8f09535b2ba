#include "queued/tools/port_holder.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "libmailcore/base/ascii.h"

namespace ostler::tools {
namespace {

namespace fs = std::filesystem;

/// The sockets that listen on a port, whatever their address: "socket:[12345]", as the links in /proc/PID/fd say it.
std::set<std::string> listenersOn(std::uint16_t port) {
  std::set<std::string> sockets;
  for (const char* const table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream in(table);
    std::string line;
    std::getline(in, line);  // what the columns are
    while (std::getline(in, line)) {
      std::istringstream columns(line);
      std::string slot, local, remote, state, queues, timer, retries, user, timeout, inode;
      columns >> slot >> local >> remote >> state >> queues >> timer >> retries >> user >> timeout >> inode;
      const bool isPort = local.ends_with(fmt::format(":{:04X}", port));
      if (isPort && state == "0A") sockets.insert("socket:[" + inode + "]");
    }
  }
  return sockets;
}

bool holds(const fs::path& process, const std::set<std::string>& sockets) {
  std::error_code error;
  for (fs::directory_iterator at(process / "fd", error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (sockets.contains(fs::read_symlink(at->path(), gone).string())) return true;
  }
  return false;
}

std::string firstLineOf(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

/// " of exim4.service", where systemd started it.
std::string unitOf(const fs::path& process) {
  const std::string path = firstLineOf(process / "cgroup");
  const std::string unit = path.substr(path.rfind('/') + 1);
  return unit.ends_with(".service") ? " of " + unit : "";
}

bool isOfTheSuite(const std::string& process, const std::string& program) {
  constexpr std::array kPrograms = {"smtpd", "pop3d", "imapd", "queued", "ostler"};
  return process == "1" || std::find(kPrograms.begin(), kPrograms.end(), program) != kPrograms.end();  // 1: systemd, for us
}

}  // namespace

std::string strangerAt(const net::Endpoint& address) {
  if (!address.unixPath.empty()) return "";
  const std::set<std::string> sockets = listenersOn(address.port);
  std::string stranger;
  std::error_code error;
  for (fs::directory_iterator at("/proc", error), end; !sockets.empty() && !error && at != end; at.increment(error)) {
    const std::string process = at->path().filename().string();
    if (!std::all_of(process.begin(), process.end(), isAsciiDigit) || !holds(at->path(), sockets)) continue;
    const std::string program = firstLineOf(at->path() / "comm");
    if (isOfTheSuite(process, program)) return "";
    if (stranger.empty()) stranger = fmt::format("{} (process {}{})", printable(program), process, unitOf(at->path()));
  }
  return stranger;
}

std::string faultOf(const health::Probe& probe) {
  const std::string at = probe.service + " " + probe.address.text();
  const std::string stranger = strangerAt(probe.address);
  if (stranger.empty()) return at + " does not answer";
  return at + " is held by " + stranger + ", which is not ours: stop and disable that, then start the suite again";
}

}  // namespace ostler::tools
