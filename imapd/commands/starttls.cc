// STARTTLS. RFC 9051 6.2.1. Nothing heard in clear text counts afterwards; what was sent ahead of it ends the session
// (RFC 3207 4.2 tells why).
#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::startTls(Invocation call) {
  call.in.end();
  if (call.in.failed()) co_return badSyntax(call.in);
  if (connection_.hasBufferedInput()) {
    bye("Commands before TLS was up");
    endReason_ = "plaintext-injection";
    co_return Reply::bad("Nothing may follow STARTTLS before TLS is up");
  }
  std::string line;
  appendReply(line, tag_, Reply::ok("Begin TLS negotiation now"));
  write(line);
  const Result<void> secured =
      co_await connection_.startTlsAsServer(startTls_, Deadline::after(std::chrono::seconds(30)));
  if (!secured) {
    worker_.log.info("tls-failed",
                     {{"session", sessionId_.text()}, {"client", peer_.text()}, {"detail", secured.error().detail}});
    ended_ = true;
    endReason_ = "tls-failed";
  }
  errors_ = 0;
  answered_ = true;
  co_return Reply::ok("");
}

}  // namespace ostler::imap
