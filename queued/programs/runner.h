// runner.h - one program behind an alias: run as a user with a message on its standard input, and what its end means.
// Is not: which user, see userFor(); nor when to try again, which is the spool's to decide. Blocks: for a pool.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "libmailcore/base/result.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/ipc/envelope.h"

namespace ostler::programs {

/// Whom a program runs as.
struct User {
  std::string name;
  std::string home;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};
/// `configured`: directory.pipe_user; empty: the system's user of the alias's name. Not being root we run all as ourselves.
/// Errors: permanent (no such user, or root).
[[nodiscard]] Result<User> userFor(const std::string& configured, const std::string& alias);

struct Job {
  std::string command;  ///< for /bin/sh -c
  User user;
  std::string reversePath;
  std::string forwardPath;
  UniqueFd input;  ///< read from its start
};

struct Ended {
  bool timedOut = false;
  int status = 0;      ///< as waitpid(2) has it
  std::string output;  ///< its beginning, standard output and error
};
/// Errors: temporary (it could not be started).
[[nodiscard]] Result<Ended> run(const Job& job, std::chrono::milliseconds timeout);

/// By sysexits(3); what a signal ended, or a shell did not find, may be mended and is tried again.
[[nodiscard]] ipc::SmtpReply replyFor(const Ended& ended);

/// The message as programs read it: `head` and the content's range in an anonymous file, lines with LF ends. Errors: temporary.
[[nodiscard]] Result<UniqueFd> inputOf(const std::string& head, int fd, std::uint64_t offset, std::uint64_t length);

}  // namespace ostler::programs
