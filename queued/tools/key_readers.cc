#include "queued/tools/key_readers.h"

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include <fmt/format.h>

namespace ostler::tools {

bool mayBeReadByProcesses(const std::string& file) {
  const struct group* const readers = ::getgrnam(kKeyReaders);
  if (readers == nullptr || ::geteuid() != 0) return true;
  const gid_t gid = readers->gr_gid;
  constexpr uid_t kNobody = 65'534;
  const pid_t child = ::fork();
  if (child == 0) {
    const bool become = ::setgroups(1, &gid) == 0 && ::setresgid(gid, gid, gid) == 0 && ::setresuid(kNobody, kNobody, kNobody) == 0;
    ::_exit(become && ::access(file.c_str(), R_OK) == 0 ? 0 : 1);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

std::vector<config::Problem> closedToProcesses(const config::Config& config) {
  std::vector<config::Problem> problems;
  const auto user = config.users.find("smtpd");
  if (user == config.users.end() || user->second.empty()) return problems;
  std::set<std::string> seen;
  for (const auto& [pair, hostName] : config.allCertificates()) {
    for (const std::string& file : {pair.certificate, pair.key}) {
      const bool isThere = ::access(file.c_str(), R_OK) == 0;  // what is not, the configuration's own check tells
      if (!seen.insert(file).second || !isThere || mayBeReadByProcesses(file)) continue;
      problems.push_back({config::Problem::Severity::error, config.placeOf("tls.certificates"),
                          fmt::format("smtpd, imapd and pop3d may not read {0}, and will not start again: chgrp {1} {0}; chmod 640 {0}; and the folders above it "
                                      "must let that group pass",
                                      file, kKeyReaders)});
    }
  }
  return problems;
}

}  // namespace ostler::tools
