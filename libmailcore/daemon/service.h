// service.h - the daemon around a protocol: what smtpd, pop3d and imapd share, so that their main.cc says only what differs.
// Worker threads with a loop each, listeners by configuration, reload to a new snapshot, drain, watchdog, socket activation.
// Is not: a protocol, and not the sandbox of one; see each daemon's sandbox.cc, made of confine.h.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "libmailcore/async/gate.h"
#include "libmailcore/async/loop.h"
#include "libmailcore/config/config.h"
#include "libmailcore/daemon/connection_counts.h"
#include "libmailcore/log/log.h"
#include "libmailcore/net/stream.h"
#include "libmailcore/net/tls.h"

namespace ostler::daemon {

/// What a daemon works with between two reloads. Immutable; a session keeps the one it began with. Any thread.
struct ListenerPlan;
struct Snapshot {
  std::shared_ptr<const config::Config> config;
  std::shared_ptr<const net::TlsServerContext> tls;  ///< null: no certificate is configured, so no TLS is offered
  std::map<std::string, std::shared_ptr<const net::TlsServerContext>> tlsOfGroup;  ///< of plans with certificates of their own
  [[nodiscard]] const std::shared_ptr<const net::TlsServerContext>& tlsFor(const ListenerPlan& plan) const;
};

/// One listener of the configuration, with what counts for connections that come in by it.
struct ListenerPlan {
  config::Listener listener;
  std::size_t virtualServer = 0;  ///< smtp: which of Config::virtualServers
  std::string group;              ///< connections are counted together by this name
  ConnectionLimits limits;
  std::vector<net::CertificateFiles> certificates{};  ///< before the suite's; the same for all of the group
};

/// A connection whose PROXY header was read and whose implicit TLS is done.
struct Arrival {
  std::unique_ptr<net::Stream> stream;
  net::Endpoint client;  ///< behind the proxy, if there is one
  net::Endpoint local;
  std::shared_ptr<const Snapshot> snapshot;
  std::shared_ptr<const ListenerPlan> plan;
};

/// What a worker thread lends to its protocol. All of it outlives the protocol.
struct Worker {
  Loop& loop;
  Gate& gate;  ///< a session enters it with `[&] { connection.interruptRead(); }` and says goodbye when it is closed
  log::Log log;
  std::shared_ptr<const Snapshot> snapshot;  ///< of the start; sessions use their Arrival's
};

/// One protocol on one worker thread, with the clients of the suite's sockets it needs.
class Protocol {
 public:
  virtual ~Protocol() = default;
  /// One session, from greeting to end. When a drain has lasted too long its frame is destroyed.
  [[nodiscard]] virtual Task<void> serve(Arrival arrival) = 0;
};

/// What makes one daemon different from the others.
struct Daemon {
  std::string name;
  std::function<std::vector<ListenerPlan>(const config::Config&)> listeners;
  std::function<std::unique_ptr<Protocol>(const Worker&)> protocol;
  /// Gives up what the process does not need: after the listeners are bound, before any thread starts. Gets the
  /// configuration's file too, which a reload reads again.
  std::function<Result<void>(const config::Config&, const std::string& configFile)> confineProcess;
  /// Makes what the workers share, and its threads: behind the process's wall, which then holds for them, and before the workers',
  /// which would forbid them to open files (a thread inherits what the one that starts it has given up).
  std::function<Result<void>(const config::Config&, const log::Log&)> startShared;
  /// What a worker thread gives up beyond that: at its start, on the thread.
  std::function<Result<void>()> confineWorker;
  std::string refusal;  ///< sent to a connection beyond the limits, with its CRLF
  std::chrono::milliseconds handshakeTime = std::chrono::minutes(1);      ///< of a client that begins with TLS
  std::chrono::milliseconds certificatesToldOf = std::chrono::hours(24);  ///< so often, those that end soon
  std::chrono::milliseconds certificatesLookedAt = std::chrono::minutes(1);  ///< so often: have their files been replaced?
};

/// Reads `-c FILE` (else OSTLER_CONFIG, else /etc/ostler/ostler.yaml) and serves until SIGTERM or SIGINT. SIGHUP reloads: TLS
/// contexts, limits, listeners that are new or gone; or keeps the old and logs why. Certificates that were replaced are used without
/// that. SIGUSR1 opens the log anew.
/// Returns an exit code of sysexits(3).
[[nodiscard]] int run(const Daemon& daemon, int argc, char** argv);

}  // namespace ostler::daemon
