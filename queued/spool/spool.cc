#include "queued/spool/spool.h"

#include <malloc.h>
#include <sysexits.h>

#include <ctime>

#include "libmailcore/config/restore_mark.h"
#include "libmailcore/daemon/drain.h"
#include "libmailcore/daemon/role.h"
#include "libmailcore/store/local_store.h"
#include "queued/spool/crash_mark.h"
#include "queued/spool/role.h"
#include "queued/spool/sandbox.h"

namespace ostler::spool {

namespace {

/// What a message to a hundred thousand is held in goes back to the kernel when it is let go, not into a heap that it would tear up.
constexpr int kMappedFrom = 1 << 20;

/// The Role with what it stands on.
class Process final : public daemon::Role {
 public:
  [[nodiscard]] static daemon::RoleMade make(const daemon::RoleStart& start) {
    ::mallopt(M_MMAP_THRESHOLD, kMappedFrom);
    const auto refuse = [](int status, const Error& error) { return tl::unexpected(daemon::RoleRefusal{status, error.detail}); };
    if (const std::string why = config::whyNotWhole(*start.config); !why.empty()) return tl::unexpected(daemon::RoleRefusal{EX_CONFIG, why});
    const Result<void> folders = spool::Role::makeFolders(*start.config);
    if (!folders) return refuse(EX_CANTCREAT, folders.error());
    ::tzset();  // reads a file, which later is not allowed
    const Result<void> confined = confine(*start.config, start.configFile);
    if (!confined) return refuse(EX_OSERR, confined.error());
    markCrashesIn(start.config->queueDir());
    store::LocalOptions options;
    options.notifyDir = start.config->runDir + "/notify";
    options.log = start.log.module("store");
    Result<std::shared_ptr<store::LocalShared>> shared = store::makeLocalShared(options);
    if (!shared) return refuse(EX_CANTCREAT, shared.error());
    auto process = std::make_unique<Process>();
    process->store_ = store::makeLocalStore(start.loop, *shared);
    auto role = spool::Role::open(start.loop, process->clock_, start.config, *process->store_, start.log);
    if (!role) return refuse(EX_CANTCREAT, role.error());
    process->role_ = std::move(*role);
    const Result<void> started = process->role_->start();
    if (!started) return refuse(EX_UNAVAILABLE, started.error());
    return process;
  }

  [[nodiscard]] Result<void> use(std::shared_ptr<const config::Config> config) override {
    role_->use(std::move(config));
    return {};
  }
  [[nodiscard]] Task<void> drain() override { co_await role_->drain(Deadline::after(daemon::kDrainOfSpool)); }

 private:
  SystemClock clock_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<spool::Role> role_;
};

}  // namespace

int runSpool(const std::string& configFile) { return daemon::runRole(configFile, "queued/spool", &Process::make); }

}  // namespace ostler::spool
