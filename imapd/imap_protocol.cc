#include "imapd/imap_protocol.h"

#include "imapd/session.h"

namespace ostler::imap {
namespace {

class ImapProtocol final : public daemon::Protocol {
 public:
  ImapProtocol(const daemon::Worker& worker, daemon::MailboxShared& shared, UserConnections& users)
      : gate_(worker.gate),
        clients_(worker, shared),
        worker_{worker.loop, clients_.auth, *clients_.store, shared.reading, users, clients_.loggedIn, clients_.clock, worker.log} {}

  Task<void> serve(daemon::Arrival arrival) override {
    Accepted accepted;
    accepted.stream = std::move(arrival.stream);
    accepted.peer = arrival.client;
    accepted.local = arrival.local;
    accepted.config = arrival.snapshot->config;
    if (arrival.plan->listener.tls == config::ListenerTls::startTls) accepted.startTls = arrival.snapshot->tls;
    Session session(worker_, std::move(accepted));
    const Gate::Pass pass = gate_.enter([&session] { session.drain(); });
    co_await session.run();
  }

 private:
  Gate& gate_;
  daemon::MailboxClients clients_;
  Worker worker_;
};

}  // namespace

std::unique_ptr<daemon::Protocol> makeProtocol(const daemon::Worker& worker, daemon::MailboxShared& shared,
                                               UserConnections& users) {
  return std::make_unique<ImapProtocol>(worker, shared, users);
}

}  // namespace ostler::imap
