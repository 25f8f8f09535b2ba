// client.h - the client's side of an SMTP or LMTP session over a Connection: greeting to QUIT, one transaction after the other.
// Is not: which host to ask and what to do with a refusal; see queued/out/.
// RFC 5321 (3.1 to 3.3, 4.5.3.2 timeouts), RFC 2033 (LMTP), RFC 2920 (PIPELINING), RFC 3030 (CHUNKING), RFC 3207 (STARTTLS),
// RFC 4954 (AUTH), RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC 3461 (DSN), RFC 2852 (DELIVERBY),
// RFC 6710 (MT-PRIORITY), RFC 8689 (REQUIRETLS), RFC 9422 (LIMITS).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "libmailcore/async/pool.h"
#include "libmailcore/net/connection.h"
#include "libmailcore/smtp/capabilities.h"
#include "libmailcore/smtp/parameters.h"
#include "libmailcore/smtp/reply.h"
#include "libmailcore/smtp/transcript.h"

namespace ostler::smtp {

/// RFC 5321 4.5.3.2.
struct ClientTimeouts {
  std::chrono::milliseconds greeting{std::chrono::minutes(5)};
  std::chrono::milliseconds command{std::chrono::minutes(5)};    ///< EHLO, MAIL, RCPT, RSET, AUTH
  std::chrono::milliseconds dataStart{std::chrono::minutes(2)};  ///< until 354
  std::chrono::milliseconds dataBlock{std::chrono::minutes(3)};  ///< one block of content
  std::chrono::milliseconds dataEnd{std::chrono::minutes(10)};   ///< from the final dot to its reply
  std::chrono::milliseconds quit{std::chrono::seconds(5)};       ///< shorter than the RFC's: nothing depends on the answer
};

struct ClientOptions {
  std::string heloName;
  bool lmtp = false;
  ClientTimeouts timeouts{};
};

/// What is sent as the message: `prefix`, then [offset, offset + length) of a file. CRLF lines.
struct Content {
  std::string prefix;
  int fd = -1;           ///< stays the caller's, who keeps it open while send() runs
  Pool* cold = nullptr;  ///< reads what is not in the page cache; null: such reads make the loop wait
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool hasEightBit = false;  ///< octets above 127
  bool binary = false;       ///< needs BINARYMIME
  bool utf8Header = false;   ///< needs SMTPUTF8
  [[nodiscard]] std::uint64_t size() const { return prefix.size() + length; }
};

struct Recipient {
  std::string forwardPath;  ///< without <>
  RcptParameters parameters;
};

struct Transaction {
  std::string reversePath;  ///< without <>; empty: <>
  std::optional<ReturnContent> ret;
  std::optional<std::string> envid;
  std::optional<DeliverBy> by;
  std::int8_t priority = 0;
  bool requireTls = false;  ///< goes to a server that offers REQUIRETLS alone
  std::vector<Recipient> recipients;
};

/// What became of a transaction.
struct Outcome {
  /// One per recipient, in their order: 2xx is delivered, 4xx may be tried again, 5xx is for good. The server's own words, or
  /// ours where the connection or a missing extension decided.
  std::vector<Reply> recipients;
  std::vector<bool> dsnPassedOn;   ///< per recipient
  std::vector<bool> deferredAtRcpt;  ///< per recipient: 4xx to its RCPT, before any content: another host may take it
  std::vector<bool> tooMany;         ///< per recipient: more than the server takes at once; one of another transaction: RFC 5321 4.5.3.1.10
  std::optional<Error> broken;     ///< the connection ended in the middle; recipients without a reply have a 4xx of ours
  bool contentSent = false;        ///< the final dot went out: with `broken`, the server may have the message
  bool refusedAtOnce = false;      ///< MAIL was refused, or nothing was sent: another host may take it
  bool lacksExtension = false;     ///< nothing was sent, as this server lacks what the message needs: another host may have it
};

class Client {
 public:
  Client(net::Connection connection, ClientOptions options);

  /// Reads the greeting, says EHLO (LHLO), and HELO to a server that does not know EHLO. A Reply that is not 2xx means the server
  /// does not want us. Errors: timeout, closed, syntax (it does not speak SMTP).
  [[nodiscard]] Task<Result<Reply>> greet();
  /// REQUIRES: capabilities().startTls. Forgets what was heard in clear text and says EHLO again. A Reply that is not 2xx: the server
  /// declined, the session goes on in clear text. Errors: as greet; permanent when the handshake failed (the connection is of no
  /// use any more).
  [[nodiscard]] Task<Result<Reply>> startTls(net::TlsClientOptions options);
  /// PLAIN, else LOGIN. Errors: as greet; permanent when the server offers neither.
  [[nodiscard]] Task<Result<Reply>> authenticate(std::string user, std::string password);
  /// One message. `transaction` and `content` are the caller's until it returns.
  [[nodiscard]] Task<Outcome> send(const Transaction& transaction, const Content& content);
  /// VRFY. The reply as it came: 250 and 251 mean yes, 550, 551 and 553 no, others nothing. RFC 5321 3.5. Errors: as greet.
  [[nodiscard]] Task<Result<Reply>> verify(std::string address);
  /// MAIL FROM:<>, RCPT, RSET: would a recipient be taken? The reply to RCPT, or to MAIL where that was refused (then
  /// with 4xx: it says nothing about the recipient). Errors: as greet.
  [[nodiscard]] Task<Result<Reply>> probe(std::string forwardPath);
  /// RFC 1985: asks for the mail that waits there. Errors: as greet.
  [[nodiscard]] Task<Result<Reply>> etrn(std::string node);
  /// Says QUIT and waits a little for the answer.
  [[nodiscard]] Task<void> quit();

  [[nodiscard]] const Capabilities& capabilities() const { return capabilities_; }
  [[nodiscard]] const net::TlsInfo* tls() const { return connection_.tls(); }
  /// May another transaction be sent?
  [[nodiscard]] bool usable() const { return usable_; }
  /// What was said for the message sent last, and before it when it was the first. Content and passwords are not in it.
  [[nodiscard]] const Transcript& transcript() const { return transcript_; }
  /// Has the peer said or ended something since the last reply? Then an idle connection is of no use.
  [[nodiscard]] bool wasClosedWhileIdle();

 private:
  class Sending;
  [[nodiscard]] Task<Result<Reply>> hello();
  [[nodiscard]] Task<Result<Reply>> ask(std::string line, std::chrono::milliseconds timeout, std::string shown = {});
  [[nodiscard]] Task<Result<Reply>> readReply(Deadline deadline);

  net::Connection connection_;
  ClientOptions options_;
  Capabilities capabilities_;
  Transcript transcript_;
  bool isBetweenMessages_ = false;  // the transcript is of a message that is over
  bool usable_ = true;
  bool needsReset_ = false;  // a transaction was begun and not ended
  bool authenticated_ = false;
};

}  // namespace ostler::smtp
