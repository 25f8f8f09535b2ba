// smtpd - speaks SMTP and LMTP to strangers. It holds no mail file, no password and no policy: see README.md.
#include "libmailcore/daemon/service.h"
#include "smtpd/sandbox.h"
#include "smtpd/smtp_protocol.h"

int main(int argc, char** argv) {
  using namespace ostler;
  constexpr std::size_t kBufferedContent = 256U << 20;  // of the whole process
  smtpd::Budget budget(kBufferedContent);
  receiving::Rates rates;
  daemon::Daemon smtp;
  smtp.name = "smtpd";
  smtp.listeners = smtpd::listenersOf;
  smtp.protocol = [&](const daemon::Worker& worker) { return smtpd::makeProtocol(worker, budget, rates); };
  smtp.confineProcess = smtpd::confineProcess;
  smtp.confineWorker = smtpd::confineWorker;
  smtp.refusal = "421 4.7.0 Too many connections, try again later\r\n";
  return daemon::run(smtp, argc, argv);
}
