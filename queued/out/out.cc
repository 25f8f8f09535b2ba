#include "queued/out/out.h"

#include <sysexits.h>

#include <optional>

#include "libmailcore/daemon/confine.h"
#include "libmailcore/daemon/drain.h"
#include "libmailcore/daemon/role.h"
#include "libmailcore/ipc/introspection.h"
#include "libmailcore/ipc/lookup.h"
#include "libmailcore/ipc/sending.h"
#include "libmailcore/ipc/socket.h"
#include "queued/out/introspection.h"
#include "queued/out/log_relay.h"
#include "queued/out/questions.h"
#include "queued/out/sandbox.h"
#include "queued/out/sender.h"

namespace ostler::out {
namespace {

/// The Sender and its socket.
class Process final : public daemon::Role {
 public:
  explicit Process(const daemon::RoleStart& start) : loop_(start.loop), log_(start.log), relay_(start.loop, start.log), server_(start.loop, limits()), tokens_(start.loop) {
    server_.on<ipc::Deliver>(
        [this](std::shared_ptr<ipc::ServerConnection>, ipc::Deliver request, std::vector<UniqueFd> descriptors) {
          return sender_->deliverOnce(std::move(request), descriptors.empty() ? UniqueFd() : std::move(descriptors.front()));
        },
        ipc::Server::OnClose::finish);  // cut off it would go out a second time, and what became of it is kept for the spool's next life
    server_.on<ipc::IsSendingReady>(
        [this](std::shared_ptr<ipc::ServerConnection>, ipc::IsSendingReady, std::vector<UniqueFd>) { return sender_->isReady(); });
    server_.on<ipc::AdoptConnection>(
        [this](std::shared_ptr<ipc::ServerConnection>, ipc::AdoptConnection request, std::vector<UniqueFd> descriptors) {
          return sender_->adopt(std::move(request), descriptors.empty() ? UniqueFd() : std::move(descriptors.front()));
        });
    server_.onNotice<ipc::EndAdopted>(
        [this](const std::shared_ptr<ipc::ServerConnection>&, const ipc::EndAdopted& notice) { sender_->endAdopted(notice.name); });
    server_.on<ipc::AskRecipient>([this](std::shared_ptr<ipc::ServerConnection>, ipc::AskRecipient request, std::vector<UniqueFd>) {
      return sender_->ask(std::move(request));
    });
    server_.on<ipc::LookUp>([this](std::shared_ptr<ipc::ServerConnection>, ipc::LookUp request, std::vector<UniqueFd>) {
      return lookUp(settings_, std::move(request));
    });
    // A socket of its own: auth may ask about tokens, and nothing else of what the spool may.
    tokens_.on<ipc::Introspect>([this](std::shared_ptr<ipc::ServerConnection>, ipc::Introspect request, std::vector<UniqueFd>) {
      return introspect(loop_, settings_, std::move(request));
    });
  }

  [[nodiscard]] static daemon::RoleMade make(const daemon::RoleStart& start) {
    const auto refuse = [](int status, const Error& error) { return tl::unexpected(daemon::RoleRefusal{status, error.detail}); };
    Result<std::shared_ptr<const Settings>> settings = makeSettings(start.loop, *start.config);
    if (!settings) return refuse(EX_CONFIG, settings.error());
    // Before the sockets: they are to be that user's, as whom the others connect.
    const Result<void> become = daemon::becomeUser(start.config->user);
    if (!become) return refuse(EX_OSERR, become.error());
    auto process = std::make_unique<Process>(start);
    const Result<void> listening = process->server_.listen(start.config->socketPath("out"), 0660);
    if (!listening) return refuse(EX_UNAVAILABLE, listening.error());
    const Result<void> answering = process->tokens_.listen(start.config->socketPath("tokens"), 0660);
    if (!answering) return refuse(EX_UNAVAILABLE, answering.error());
    Result<LogServer> logServer = makeLogServer(start.config->log);
    if (!logServer) return refuse(EX_CONFIG, logServer.error());
    const Result<void> relaying = process->relay_.listen(start.config->log.relay);
    if (!relaying) return refuse(EX_UNAVAILABLE, relaying.error());
    process->relay_.use(std::move(*logServer));
    const Result<void> confined = confine(*start.config, start.configFile);
    if (!confined) return refuse(EX_OSERR, confined.error());
    // The Sender has threads, and only those started after that are confined, too.
    process->settings_ = *settings;
    process->sender_.emplace(start.loop, process->clock_, std::move(*settings), start.log);
    return process;
  }

  [[nodiscard]] Result<void> use(std::shared_ptr<const config::Config> config) override {
    const Result<std::shared_ptr<const Settings>> settings = makeSettings(loop_, *config);
    if (!settings) return fail(settings.error());
    Result<LogServer> logServer = makeLogServer(config->log);
    if (!logServer) return fail(logServer.error());
    relay_.use(std::move(*logServer));
    settings_ = *settings;
    sender_->use(settings_);
    return {};
  }
  [[nodiscard]] Task<void> drain() override {
    server_.stopListening();
    tokens_.stopListening();
    const Result<void> done = co_await sender_->drain(Deadline::after(daemon::kDrainOfDeliveries));
    if (!done) log_.warn("drain", {{"reason", "deliveries under way were cut off"}});
    // The answers go out in the loop's next turns.
    co_await loop_.sleepUntil(Deadline::after(std::chrono::milliseconds(50)));
    co_await relay_.drain(Deadline::after(daemon::kDrainOfLog));
  }

 private:
  static ipc::ServerLimits limits() {
    ipc::ServerLimits out;
    out.requestsInFlight = 16'384;  // the spool decides how many are under way
    return out;
  }

  Loop& loop_;
  SystemClock clock_;
  log::Log log_;
  LogRelay relay_;
  std::shared_ptr<const Settings> settings_;  // in force; a reload replaces it
  std::optional<Sender> sender_;
  ipc::Server server_;
  ipc::Server tokens_;
};

}  // namespace

int runOut(const std::string& configFile) { return daemon::runRole(configFile, "queued/out", &Process::make); }

}  // namespace ostler::out
