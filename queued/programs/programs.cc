#include "queued/programs/programs.h"

#include <pwd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "libmailcore/async/gate.h"
#include "libmailcore/async/pool.h"
#include "libmailcore/daemon/drain.h"
#include "libmailcore/daemon/role.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/program.h"
#include "libmailcore/ipc/socket.h"
#include "queued/programs/runner.h"
#include "queued/programs/sandbox.h"

namespace ostler::programs {

namespace {

constexpr unsigned kAtOnce = 10;

/// Whoever runs the spool.
uid_t uidOfSpool(const config::Config& config) {
  const auto own = config.users.find("spool");
  const std::string& name = own == config.users.end() || own->second.empty() ? config.user : own->second;
  if (::geteuid() != 0 || name.empty()) return ::geteuid();
  const passwd* const entry = ::getpwnam(name.c_str());
  return entry == nullptr ? 0 : entry->pw_uid;
}

class Process final : public daemon::Role {
 public:
  explicit Process(const daemon::RoleStart& start)
      : loop_(start.loop), log_(start.log), config_(start.config), gate_(start.loop), server_(start.loop) {
    server_.on<ipc::RunProgram>(
        [this](std::shared_ptr<ipc::ServerConnection> from, ipc::RunProgram request, std::vector<UniqueFd> descriptors) {
          return answer(std::move(from), std::move(request), descriptors.empty() ? UniqueFd() : std::move(descriptors.front()));
        });
  }

  [[nodiscard]] static daemon::RoleMade make(const daemon::RoleStart& start) {
    auto process = std::make_unique<Process>(start);
    const std::string path = start.config->socketPath("programs");
    const Result<void> listening = process->server_.listen(path, 0600);
    if (!listening) return tl::unexpected(daemon::RoleRefusal{EX_UNAVAILABLE, listening.error().detail});
    struct stat socket {};
    if (::stat(path.c_str(), &socket) != 0) return tl::unexpected(daemon::RoleRefusal{EX_OSERR, path + ": " + std::strerror(errno)});
    // The socket is the spool's: systemd has made it so, or we do.
    const uid_t spool = uidOfSpool(*start.config);
    const bool isOurs = socket.st_uid == ::geteuid() && spool != ::geteuid();
    if (isOurs && ::chown(path.c_str(), spool, static_cast<gid_t>(-1)) != 0) {
      return tl::unexpected(daemon::RoleRefusal{EX_OSERR, path + ": " + std::strerror(errno)});
    }
    process->spool_ = isOurs ? spool : socket.st_uid;
    const Result<void> confined = confine();
    if (!confined) return tl::unexpected(daemon::RoleRefusal{EX_OSERR, confined.error().detail});
    process->pool_ = std::make_unique<Pool>("programs", kAtOnce);
    return process;
  }

  [[nodiscard]] Result<void> use(std::shared_ptr<const config::Config> config) override {
    config_ = std::move(config);
    return {};
  }
  [[nodiscard]] Task<void> drain() override {
    server_.stopListening();
    gate_.close();
    const Result<void> done = co_await gate_.whenEmpty(Deadline::after(daemon::kDrainOfDeliveries));
    if (!done) log_.warn("drain", {{"reason", "programs under way were cut off; their messages are tried again"}});
    co_await loop_.sleepUntil(Deadline::after(std::chrono::milliseconds(50)));
  }

 private:
  [[nodiscard]] Task<Result<ipc::ProgramOutcome>> answer(std::shared_ptr<ipc::ServerConnection> from, ipc::RunProgram request, UniqueFd content) {
    const uid_t uid = from->peer().uid;
    if (uid != 0 && uid != spool_) co_return fail(Error::Kind::denied, "only the spool may ask");
    if (gate_.closed()) co_return fail(Error::Kind::temporary, "shutting down");
    const Gate::Pass pass = gate_.enter({});
    ipc::ProgramOutcome outcome;
    const Result<User> user = userFor(config_->directory.pipeUser, request.alias);
    if (!config_->directory.aliasPipes || !user) {
      outcome.reply = {451, "4.3.5", user ? "programs behind aliases are not allowed" : user.error().detail};
      co_return outcome;
    }
    auto job = [request, user = *user, fd = std::make_shared<UniqueFd>(std::move(content)), timeout = config_->directory.pipeTimeout]() -> Result<Ended> {
      Result<UniqueFd> input = inputOf(request.head, fd->get(), request.offset, request.length);
      if (!input) return fail(input.error());
      return run(Job{request.command, user, request.reversePath, request.forwardPath, std::move(*input)}, timeout);
    };
    const Result<Ended> ended = co_await pool_->run(loop_, std::move(job));
    outcome.reply = ended ? replyFor(*ended) : ipc::SmtpReply{451, "4.3.0", ended.error().detail};
    log_.info("program", {{"message", request.queueId}, {"command", request.command}, {"user", user->name}, {"reply", std::to_string(outcome.reply.code) + " " + outcome.reply.text}});
    co_return outcome;
  }

  Loop& loop_;
  log::Log log_;
  std::shared_ptr<const config::Config> config_;
  Gate gate_;
  uid_t spool_ = 0;  ///< who may ask
  std::unique_ptr<Pool> pool_;  ///< after confinement, which its threads share
  ipc::Server server_;
};

}  // namespace

int runPrograms(const std::string& configFile) { return daemon::runRole(configFile, "queued/programs", &Process::make); }

}  // namespace ostler::programs
