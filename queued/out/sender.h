// sender.h - Sender: takes a message to its next hop and says what became of each recipient.
// Is not: a queue, nor one message's way (delivery.h). It tries once; when to try again is the spool's to decide.
#pragma once

#include <memory>

#include "libmailcore/async/channel.h"
#include "libmailcore/async/gate.h"
#include "libmailcore/async/pool.h"
#include "libmailcore/base/clock.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/sending.h"
#include "libmailcore/log/log.h"
#include "queued/out/delivered_lately.h"
#include "queued/out/session.h"
#include "queued/out/unreachable.h"

namespace ostler::out {

/// One loop.
class Sender {
 public:
  Sender(Loop& loop, const Clock& clock, std::shared_ptr<const Settings> settings, log::Log log);
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  /// One outcome per recipient, in the order of the envelope. Errors: temporary (draining), syntax (no descriptor, where
  /// content is to be read from one).
  /// Cancelling it closes the session; what was sent in full may have arrived.
  [[nodiscard]] Task<Result<ipc::DeliverOutcome>> deliver(ipc::Deliver request, UniqueFd content);
  /// The same, for a spool that may have asked before: waits for what is under way to one of these recipients, and of whom this message
  /// was delivered to in the last minutes it says so again.
  [[nodiscard]] Task<Result<ipc::DeliverOutcome>> deliverOnce(ipc::Deliver request, UniqueFd content);
  /// Errors: temporary: nothing more is begun.
  [[nodiscard]] Task<Result<ipc::SendingReady>> isReady() const;

  /// Takes a connection that was turned round: waits for its greeting, and keeps the session for deliveries to {adopted, name}.
  /// Errors: temporary (draining).
  [[nodiscard]] Task<Result<ipc::SmtpReply>> adopt(ipc::AdoptConnection request, UniqueFd connection);
  /// Says QUIT over it.
  void endAdopted(const std::string& name);

  /// As askRecipient(), with the settings in force. Errors: temporary (draining).
  [[nodiscard]] Task<Result<ipc::AskedRecipient>> ask(ipc::AskRecipient request);

  /// For deliveries that begin from now on.
  void use(std::shared_ptr<const Settings> settings) { settings_ = std::move(settings); }
  /// Refuses new deliveries and waits for those under way. Errors: timeout.
  [[nodiscard]] Task<Result<void>> drain(Deadline deadline);
  [[nodiscard]] std::size_t idleSessions() const { return cache_.size(); }
  /// Does it wake now and then to look what has grown old?
  [[nodiscard]] bool isSweeping() const { return sweeping_.running() > 0; }

 private:
  void startSweeping();
  [[nodiscard]] Task<void> sweepWhileNeeded();

  Loop& loop_;
  const Clock& clock_;
  std::shared_ptr<const Settings> settings_;
  log::Log log_;
  Gate gate_;
  Semaphore places_;
  SessionCache cache_;
  Unreachable unreachable_;
  DeliveredLately lately_;
  Pool coldReads_{"out-read", 2};  // content that is not in the page cache
  TaskScope sweeping_;
};

}  // namespace ostler::out
