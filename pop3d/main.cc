// pop3d - serves maildrops by POP3. It holds what auth hands over of those who are logged in, and no password: see
// README.md.
#include "libmailcore/daemon/service.h"
#include "pop3d/pop3_protocol.h"
#include "pop3d/sandbox.h"

namespace {

using namespace ostler;

// The store's and the readers' threads start behind the process's wall, so that it holds for them too.
Result<std::unique_ptr<pop3::ProcessShared>> confineAndStart(const config::Config& config,
                                                             const std::string& configFile) {
  const Result<void> confined = pop3::confineProcess(config, configFile);
  if (!confined) return fail(confined.error());
  store::LocalOptions options;
  options.notifyDir = config.runDir + "/notify";
  auto store = store::makeLocalShared(std::move(options));
  if (!store) return fail(store.error());
  auto shared = std::make_unique<pop3::ProcessShared>();
  shared->store = std::move(*store);
  return shared;
}

}  // namespace

int main(int argc, char** argv) {
  std::unique_ptr<pop3::ProcessShared> shared;
  daemon::Daemon daemon;
  daemon.name = "pop3d";
  daemon.listeners = pop3::listenersOf;
  daemon.protocol = [&shared](const daemon::Worker& worker) { return pop3::makeProtocol(worker, *shared); };
  daemon.confineProcess = [&shared](const config::Config& config, const std::string& configFile) -> Result<void> {
    auto started = confineAndStart(config, configFile);
    if (!started) return fail(started.error());
    shared = std::move(*started);
    return {};
  };
  daemon.confineWorker = pop3::confineWorker;
  daemon.refusal = "-ERR [SYS/TEMP] Too many connections, try again later\r\n";
  return daemon::run(daemon, argc, argv);
}
