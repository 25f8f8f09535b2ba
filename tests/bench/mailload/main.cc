// main.cc - mailload, the protocol load driver for SMTP, POP3 and IMAP servers. Server-neutral:
// it only knows host, port, user and password. One JSON line per measurement on stdout.
//
// usage:  mailload WORKLOAD [key=value ...]
//
// common keys
//   host=127.0.0.1 port=N user=NAME pass=PW tls=0|1   (tls=1: implicit TLS, TLS 1.3, no resumption)
//   conns=1        parallel connections (one thread each)
//   n=1000         messages (or logins, or mailbox size) in total
//   size=4096      bytes per message, headers included
//   runs=5         repetitions inside this process (median, min, max are printed)
//   label=TEXT     copied into the output
//   user may hold %d: connection/recipient number modulo users=K is put there
//
// workloads
//   smtp        send n messages over conns connections.  rcpt=u%d@dom users=K permsg=M (messages per
//               connection, 0 = all) pipeline=0|1|2 (0 one command at a time; 1 MAIL/RCPT/DATA in one
//               write; 2 BDAT: MAIL/RCPT/BDAT and the message in one write)
//               Timing ends at the last 250; with wait=... it ends when the system has finished:
//                 wait=sink:PORT     the built-in sink on 127.0.0.1:PORT has received n messages
//                 wait=dirs:D1:D2    the directories (recursively) hold no regular file
//                 wait=files:N:D1:.. the directories hold N more regular files than before the run
//                 wait=cmd:SHELL     SHELL exits 0 (polled every 50 ms)
//               prints rate and latency percentiles of one transaction
//   sink        SMTP sink: accepts everything on port=N for ever, one thread per connection; with n=N it
//               prints the time to the first message and the rate until the Nth (or waitmax seconds), and ends
//   fill        APPEND n messages into mbox=INBOX (one connection per conns), no timing runs (runs ignored)
//   append      as fill, but timed, into mbox; mbox is created first and deleted after each run
//   imap        sequence on an existing mailbox mbox=INBOX: LOGIN, SELECT, FETCH ..., SEARCH, STORE; each
//               timed; runs repetitions.  cmds=A;B;C replaces the list ("cmds=NOOP;UID FETCH 1:* (FLAGS)")
//   copymove    COPY 1:n to a new mailbox, MOVE 1:n from there to another, delete both
//   login       n times connect [TLS] LOGIN LOGOUT over conns threads; proto=imap|pop3
//   connect     n times connect [TLS] EHLO QUIT over conns threads; resume=1: each thread's handshakes after its first are resumed
//   smtpidle    opens conns connections, EHLO, prints a line, waits for EOF on stdin
//   idle        opens conns connections, LOGIN, SELECT mbox, IDLE, prints a line, waits for EOF on stdin
//   pop3list    connect+login, STAT, LIST, UIDL, QUIT each timed
//   pop3retr    RETR 1..all, pipeline=0|1
#include <array>
#include <csignal>
#include <cstdio>
#include <string_view>

#include "tests/bench/mailload/workloads.h"

namespace {

struct Workload {
  std::string_view name;
  void (*run)(const mailload::Options& options);
};

constexpr std::array<Workload, 12> kWorkloads = {{
    {"smtp", mailload::smtp},
    {"sink", mailload::sink},
    {"fill", mailload::imapFill},
    {"append", mailload::imapAppend},
    {"imap", mailload::imapCommands},
    {"copymove", mailload::imapCopyMove},
    {"login", mailload::logins},
    {"connect", mailload::smtpConnects},
    {"smtpidle", mailload::smtpIdle},
    {"idle", mailload::imapIdle},
    {"pop3list", mailload::pop3List},
    {"pop3retr", mailload::pop3Retrieve},
}};

}  // namespace

int main(int count, char** words) {
  if (count < 2) {
    std::fputs("usage: mailload WORKLOAD [key=value ...]   (see the top of tests/bench/mailload/main.cc)\n", stderr);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const mailload::Options options(count - 2, words + 2);
  for (const Workload& workload : kWorkloads) {
    if (workload.name != words[1]) continue;
    workload.run(options);
    return 0;
  }
  mailload::die(std::string("unknown workload ") + words[1]);
}
