#include "libmailcore/log/local_syslog.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "libmailcore/log/format.h"

namespace ostler::log {

LocalSyslog::LocalSyslog(std::string path) : path_(std::move(path)), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}

void LocalSyslog::send(int priority, std::string_view program, std::uint64_t pid, std::string_view message) const {
  Line line;
  line.time = std::chrono::system_clock::now();
  line.program = program;
  const std::string packet = formatLocalSyslog(line, priority, pid, message);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, std::min(path_.size(), sizeof address.sun_path - 1));
  const auto* const to = reinterpret_cast<const sockaddr*>(&address);
  if (::sendto(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL, to, sizeof address) >= 0) return;
  if (errno == EAGAIN) return;  // who does not read misses the line
  const std::string text = packet + "\n";
  (void)!::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace ostler::log
