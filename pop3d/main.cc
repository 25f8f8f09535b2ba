// pop3d - serves maildrops by POP3. It holds what auth hands over of those who are logged in, and no password: see
// README.md.
#include "libmailcore/daemon/mailbox_daemon.h"

#include "pop3d/pop3_protocol.h"

int main(int argc, char** argv) {
  using namespace ostler;
  daemon::Daemon pop3d;
  pop3d.name = "pop3d";
  pop3d.listeners = [](const config::Config& config) {
    return daemon::plansOf(config.pop3.listeners, "pop3", config.pop3.connections);
  };
  pop3d.refusal = "-ERR [SYS/TEMP] Too many connections, try again later\r\n";
  return daemon::runWithMailboxes(std::move(pop3d), pop3::makeProtocol, argc, argv);
}
