#include "pop3d/pop3_protocol.h"

#include "pop3d/session.h"

namespace ostler::pop3 {
namespace {

class Pop3Protocol final : public daemon::Protocol {
 public:
  Pop3Protocol(const daemon::Worker& worker, daemon::MailboxShared& shared)
      : clients_(worker, shared),
        worker_{worker.loop, worker.gate, clients_.auth, clients_.loggedIn, *clients_.store, shared.reading, clients_.clock, worker.log} {}

  Task<void> serve(daemon::Arrival arrival) override {
    Session session(worker_, std::move(arrival));
    co_await session.run();
  }

 private:
  daemon::MailboxClients clients_;
  Worker worker_;
};

}  // namespace

std::unique_ptr<daemon::Protocol> makeProtocol(const daemon::Worker& worker, daemon::MailboxShared& shared) {
  return std::make_unique<Pop3Protocol>(worker, shared);
}

}  // namespace ostler::pop3
