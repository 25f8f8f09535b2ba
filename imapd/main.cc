// imapd - serves mailboxes by IMAP. It holds what auth hands over of those who are logged in, and no password: see
// README.md.
#include "libmailcore/daemon/service.h"

#include "imapd/imap_protocol.h"
#include "imapd/sandbox.h"

namespace {

using namespace ostler;

// Threads that open files start between the two walls: behind the process's, so that it holds for them, and before the
// workers', which would forbid them their work. Threads inherit what the one has given up that starts them.
Result<std::unique_ptr<imap::ProcessShared>> confineAndStart(const config::Config& config,
                                                             const std::string& configFile) {
  const Result<void> confined = imap::confineProcess(config, configFile);
  if (!confined) return fail(confined.error());
  store::LocalOptions options;
  options.notifyDir = config.runDir + "/notify";
  auto store = store::makeLocalShared(std::move(options));
  if (!store) return fail(store.error());
  auto shared = std::make_unique<imap::ProcessShared>();
  shared->store = std::move(*store);
  return shared;
}

}  // namespace

int main(int argc, char** argv) {
  std::unique_ptr<imap::ProcessShared> shared;
  daemon::Daemon daemon;
  daemon.name = "imapd";
  daemon.listeners = imap::listenersOf;
  daemon.protocol = [&shared](const daemon::Worker& worker) { return imap::makeProtocol(worker, *shared); };
  daemon.confineProcess = [&shared](const config::Config& config, const std::string& configFile) -> Result<void> {
    auto started = confineAndStart(config, configFile);
    if (!started) return fail(started.error());
    shared = std::move(*started);
    return {};
  };
  daemon.confineWorker = imap::confineWorker;
  daemon.refusal = "* BYE [UNAVAILABLE] Too many connections, try again later\r\n";
  return daemon::run(daemon, argc, argv);
}
