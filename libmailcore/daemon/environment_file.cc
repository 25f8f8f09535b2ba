#include "libmailcore/daemon/environment_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "libmailcore/base/unique_fd.h"

namespace ostler::daemon {

bool EnvironmentFile::write(const std::vector<pid_t>& pids) const {
  if (file_.empty()) return true;
  std::string text;
  std::ifstream before(file_);
  for (std::string line; std::getline(before, line);) {
    if (!line.starts_with("SUPERVISOR_PID=") && !line.starts_with("PIDS=")) text += line + "\n";
  }
  text += "SUPERVISOR_PID=" + std::to_string(::getpid()) + "\nPIDS=\"";
  for (std::size_t at = 0; at < pids.size(); ++at) text += (at == 0 ? "" : " ") + std::to_string(pids[at]);
  text += "\"\n";
  const std::string aside = file_ + ".new";
  ::unlink(aside.c_str());
  // The sandbox's has passwords.
  const UniqueFd file(::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const bool isWhole = file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file.get()) == 0;
  const bool isWritten = isWhole && ::rename(aside.c_str(), file_.c_str()) == 0;
  if (!isWritten) ::unlink(aside.c_str());
  return isWritten;
}

}  // namespace ostler::daemon
