// imapd - serves mailboxes by IMAP. It holds what auth hands over of those who are logged in, and no password: see
// README.md.
#include "libmailcore/daemon/mailbox_daemon.h"

#include "imapd/imap_protocol.h"

int main(int argc, char** argv) {
  using namespace ostler;
  imap::UserConnections users;
  daemon::Daemon imapd;
  imapd.name = "imapd";
  imapd.listeners = [](const config::Config& config) {
    return daemon::plansOf(config.imap.listeners, "imap", config.imap.connections);
  };
  imapd.refusal = "* BYE [UNAVAILABLE] Too many connections, try again later\r\n";
  const auto make = [&users](const daemon::Worker& worker, daemon::MailboxShared& shared) {
    return imap::makeProtocol(worker, shared, users);
  };
  return daemon::runWithMailboxes(std::move(imapd), make, argc, argv);
}
