#include <algorithm>
#include <deque>
#include <set>

#include "libmailcore/base/ascii.h"
#include "libmailcore/smtp/client.h"
#include "libmailcore/smtp/content_reader.h"
#include "libmailcore/smtp/dot_stuffing.h"
#include "libmailcore/smtp/path.h"

namespace ostler::smtp {
namespace {

constexpr std::size_t kBlock = 64 * 1024;
constexpr std::size_t kMostUnanswered = 100;        // commands in flight: neither side's socket buffer fills up (RFC 2920 3.1)
constexpr std::uint64_t kBdatFrom = 64 * 1024;      // below, DATA costs less: no wait for 354 is worth no sendfile
constexpr std::chrono::seconds kLastWords{1};       // for the reply of a server that closed while we sent

Reply localReply(int code, const char* enhanced, std::string text) { return {code, enhanced, std::move(text), true}; }

// An empty one is a reverse path; a local part alone is postmaster's, or an LMTP server's own (RFC 5321 4.1.1.3).
bool isSendable(std::string_view path) {
  if (path.empty()) return true;
  const std::string bracketed = "<" + std::string(path) + ">";
  const Result<ParsedPath<ForwardPath>> parsed = parseForwardPath(bracketed, "localhost");
  return parsed && parsed->rest.empty();
}

}  // namespace

// One transaction: what was asked and not yet answered, and the outcome as it grows.
class Client::Sending {
 public:
  Sending(Client& client, const Transaction& transaction, const Content& content)
      : client_(client), transaction_(transaction), content_(content), accepted_(transaction.recipients.size(), false),
        open_(transaction.recipients.size(), false) {
    outcome_.recipients.assign(transaction.recipients.size(), localReply(451, "4.4.2", "connection lost"));
    outcome_.dsnPassedOn.assign(transaction.recipients.size(), false);
    outcome_.deferredAtRcpt.assign(transaction.recipients.size(), false);
    outcome_.tooMany.assign(transaction.recipients.size(), false);
  }

  [[nodiscard]] Task<Outcome> run() {
    if (!preconditionsHold()) co_return std::move(outcome_);
    const Result<void> done = co_await dialogue();
    if (!done) noteBroken(done.error());
    co_return std::move(outcome_);
  }

 private:
  enum class Step { reset, mail, rcpt, data, bdat };
  struct Expected {
    Step step;
    std::size_t recipient;
  };

  // What we know before a word is said. Refuses for all or for some; false: nobody is left.
  bool preconditionsHold() {
    const Capabilities& can = client_.capabilities_;
    if (can.maxSize != 0 && content_.size() > can.maxSize) {
      return refuseAll(localReply(552, "5.3.4", "message of " + std::to_string(content_.size()) +
                                                    " octets is larger than the next host takes (" +
                                                    std::to_string(can.maxSize) + ")"));
    }
    if (content_.binary && !(can.binaryMime && can.chunking)) {
      return isLacking(localReply(554, "5.6.1", "the next host does not take binary content"));
    }
    if (content_.hasEightBit && !can.eightBitMime) {  // converting is the caller's: RFC 6152 3
      return isLacking(localReply(554, "5.6.3", "the next host takes no 8-bit content (8BITMIME)"));
    }
    // RFC 6531 3.2: mail that needs SMTPUTF8 goes to a server that offers it, or back.
    if (!can.smtpUtf8 && (content_.utf8Header || !isAllAscii(transaction_.reversePath))) {
      return isLacking(localReply(553, "5.6.7", "the next host does not take internationalised mail (SMTPUTF8)"));
    }
    if (transaction_.requireTls && !can.requireTls) {
      return isLacking(localReply(550, "5.7.30", "the next host does not promise TLS for the rest of the way (REQUIRETLS)"));
    }
    if (transaction_.by && transaction_.by->giveBack && !isInTime(transaction_.by->seconds)) return false;
    for (std::size_t i = 0; i < accepted_.size(); ++i) {
      const std::string& path = transaction_.recipients[i].forwardPath;
      const bool ascii = isAllAscii(path);
      if (!isSendable(path)) {
        outcome_.recipients[i] = localReply(553, "5.1.3", "address that cannot be sent");
      } else if (!ascii && !can.smtpUtf8) {
        outcome_.recipients[i] = localReply(553, "5.6.7", "the next host does not take internationalised addresses (SMTPUTF8)");
      } else {
        if (isTooMany(path)) {
          outcome_.recipients[i] = localReply(452, "4.5.3", "more recipients than the next host takes at once");
          outcome_.tooMany[i] = true;
          continue;
        }
        asked_.push_back(i);
        open_[i] = true;
        utf8_ = utf8_ || !ascii;
      }
    }
    utf8_ = utf8_ || content_.utf8Header || !isAllAscii(transaction_.reversePath);
    if (!isSendable(transaction_.reversePath)) return refuseAll(localReply(553, "5.1.7", "address that cannot be sent"));
    outcome_.refusedAtOnce = asked_.empty();
    return !asked_.empty();
  }

  // RFC 9422 3: more than it takes, or of more domains. The first is taken in any case.
  bool isTooMany(const std::string& path) {
    const Capabilities& can = client_.capabilities_;
    if (can.mostRecipients != 0 && asked_.size() >= can.mostRecipients) return true;
    if (can.mostDomains == 0) return false;
    const std::string domain = asciiLower(path.substr(std::min(path.rfind('@'), path.size())));
    if (!domains_.contains(domain) && domains_.size() >= can.mostDomains) return true;
    domains_.insert(domain);
    return false;
  }

  // RFC 2852 4.1.4: what must be given back in time goes to who will do that, and has the time for it. An LMTP server delivers at once.
  bool isInTime(std::int64_t left) {
    const Capabilities& can = client_.capabilities_;
    if (left <= 0) return refuseAll(localReply(554, "5.4.7", "the time that its sender gave is over (DELIVERBY)"));
    if (client_.options_.lmtp) return true;
    if (!can.deliverBy) return isLacking(localReply(554, "5.3.3", "the next host does not keep delivery deadlines (DELIVERBY)"));
    if (left >= can.leastSeconds) return true;
    return isLacking(localReply(554, "5.4.7", "the next host wants " + std::to_string(can.leastSeconds) + " seconds for it, and " +
                                                  std::to_string(left) + " are left (DELIVERBY)"));
  }

  // Another host may have what this one lacks.
  bool isLacking(const Reply& reply) {
    outcome_.lacksExtension = true;
    return refuseAll(reply);
  }

  bool refuseAll(const Reply& reply) {
    std::fill(outcome_.recipients.begin(), outcome_.recipients.end(), reply);
    outcome_.refusedAtOnce = true;
    return false;
  }

  [[nodiscard]] std::string mailLine() const {
    const Capabilities& can = client_.capabilities_;
    MailParameters parameters;
    if (can.size) parameters.size = content_.size();
    if (content_.binary) parameters.body = Body::binaryMime;
    else if (content_.hasEightBit && can.eightBitMime) parameters.body = Body::eightBitMime;
    parameters.smtpUtf8 = utf8_;
    // We trust nobody's word on who the submitter was, and tell nobody our users' login names: RFC 4954 5.
    if (client_.authenticated_) parameters.auth = "<>";
    if (can.dsn) {
      parameters.ret = transaction_.ret;
      parameters.envid = transaction_.envid;
    }
    if (can.deliverBy) parameters.by = transaction_.by;
    if (can.priority && transaction_.priority != 0) parameters.priority = transaction_.priority;
    parameters.requireTls = transaction_.requireTls;
    return "MAIL FROM:<" + transaction_.reversePath + ">" + format(parameters) + "\r\n";
  }

  [[nodiscard]] std::string rcptLine(const Recipient& recipient) const {
    return "RCPT TO:<" + recipient.forwardPath + ">" +
           (client_.capabilities_.dsn ? format(recipient.parameters) : std::string()) + "\r\n";
  }

  void command(Step step, std::size_t recipient, const std::string& line) {
    client_.transcript_.client(line);
    client_.connection_.write(line);
    expected_.push_back({step, recipient});
  }

  [[nodiscard]] bool pipelining() const { return client_.capabilities_.pipelining; }

  [[nodiscard]] Task<Result<void>> dialogue() {
    if (client_.needsReset_) command(Step::reset, 0, "RSET\r\n");
    client_.needsReset_ = true;
    command(Step::mail, 0, mailLine());
    const bool bdat = client_.capabilities_.chunking && (content_.binary || content_.size() >= kBdatFrom);
    for (const std::size_t i : asked_) {
      if (!pipelining() || expected_.size() >= kMostUnanswered) {
        const Result<void> got = co_await collect();
        if (!got) co_return got;
        if (mailRefused_) co_return Result<void>();
      }
      command(Step::rcpt, i, rcptLine(transaction_.recipients[i]));
    }
    // A large BDAT is not sent on the chance that a recipient is taken; DATA may well be, its content waits for 354 anyhow.
    if (pipelining() && !bdat) command(Step::data, 0, "DATA\r\n");
    const Result<void> got = co_await collect();
    if (!got) co_return got;
    if (anyAccepted() && bdat) {
      const Result<void> sent = co_await sendBdat();
      co_return sent;
    }
    if (anyAccepted() && !pipelining()) {
      command(Step::data, 0, "DATA\r\n");
      const Result<void> answered = co_await collect();
      if (!answered) co_return answered;
    }
    if (goAhead_) {
      const Result<void> sent = co_await sendData();
      co_return sent;
    }
    co_return Result<void>();
  }

  // Reads the replies to all that was asked.
  [[nodiscard]] Task<Result<void>> collect() {
    const Result<void> sent = co_await client_.connection_.flush(Deadline::after(client_.options_.timeouts.command));
    if (!sent) co_return sent;
    while (!expected_.empty()) {
      const Expected next = expected_.front();
      expected_.pop_front();
      const auto& timeouts = client_.options_.timeouts;
      const Deadline deadline = Deadline::after(next.step == Step::data ? timeouts.dataStart : timeouts.command);
      const Result<Reply> reply = co_await client_.readReply(deadline);
      if (!reply) co_return fail(reply.error());
      answer(next, *reply);
    }
    co_return Result<void>();
  }

  void answer(const Expected& to, const Reply& reply) {
    switch (to.step) {
      case Step::reset:
        break;
      case Step::mail:
        if (reply.code / 100 == 2) break;
        mailRefused_ = true;
        refuseAsked(reply);
        outcome_.refusedAtOnce = true;
        break;
      case Step::rcpt:
        if (mailRefused_) break;  // "503 need MAIL" is not the recipient's fault
        accepted_[to.recipient] = reply.code / 100 == 2;
        open_[to.recipient] = accepted_[to.recipient];
        outcome_.recipients[to.recipient] = reply.code / 100 == 3 ? localReply(451, "4.5.0", reply.oneLine()) : reply;
        outcome_.tooMany[to.recipient] = isForTooMany(reply);
        outcome_.deferredAtRcpt[to.recipient] = reply.isTransient() || outcome_.tooMany[to.recipient];
        outcome_.dsnPassedOn[to.recipient] = accepted_[to.recipient] && client_.capabilities_.dsn;
        break;
      case Step::data:
        goAhead_ = reply.code == 354;
        if (!goAhead_) refuseAccepted(reply);
        break;
      case Step::bdat:
        break;
    }
  }

  // RFC 5321 4.5.3.1.10: old servers say 552, which of one that comes first means a full mailbox.
  [[nodiscard]] bool isForTooMany(const Reply& reply) const {
    if (reply.code == 452) return reply.enhanced == "4.5.3" || reply.enhanced.empty();
    const bool isOf552 = reply.code == 552 && (reply.enhanced == "5.5.3" || reply.enhanced.empty());
    return isOf552 && anyAccepted();
  }

  void refuseAsked(const Reply& reply) {
    for (const std::size_t i : asked_) {
      outcome_.recipients[i] = reply;
      open_[i] = false;
    }
  }
  void refuseAccepted(const Reply& reply) {
    for (std::size_t i = 0; i < accepted_.size(); ++i) {
      if (!accepted_[i]) continue;
      outcome_.recipients[i] = reply.isPositive() ? localReply(451, "4.5.0", reply.oneLine()) : reply;
      accepted_[i] = open_[i] = false;
    }
  }
  [[nodiscard]] bool anyAccepted() const { return std::find(accepted_.begin(), accepted_.end(), true) != accepted_.end(); }

  // RFC 5321 4.1.1.4. Nobody accepted, yet 354: RFC 2920 3.1 wants an empty message then, and its reply means nothing.
  [[nodiscard]] Task<Result<void>> sendData() {
    net::Connection& connection = client_.connection_;
    if (!anyAccepted()) {
      connection.write(".\r\n");
      const Result<void> sent = co_await connection.flush(Deadline::after(client_.options_.timeouts.dataBlock));
      if (!sent) co_return sent;
      const Result<Reply> reply = co_await client_.readReply(Deadline::after(client_.options_.timeouts.dataEnd));
      co_return reply ? Result<void>() : Result<void>(fail(reply.error()));
    }
    DotStuffer stuffer;
    std::string out;
    stuffer.add(content_.prefix, out);
    ContentReader reader(connection.loop(), content_.fd, content_.cold);
    for (std::uint64_t at = 0; at < content_.length;) {
      const Result<std::string> block =
          co_await reader.read(content_.offset + at, std::min<std::uint64_t>(kBlock, content_.length - at));
      if (!block) co_return fail(block.error());  // half a message cannot be taken back but by closing
      stuffer.add(*block, out);
      at += block->size();
      if (at < content_.length) {
        connection.write(out);
        out.clear();
        const Result<void> sent = co_await connection.flush(Deadline::after(client_.options_.timeouts.dataBlock));
        if (!sent) {
          co_await readLastWords();
          co_return sent;
        }
      }
    }
    stuffer.finish(out);
    connection.write(out);
    out = {};
    outcome_.contentSent = true;
    noteContent();
    const Result<void> sent = co_await connection.flush(Deadline::after(client_.options_.timeouts.dataBlock));
    if (!sent) {
      co_await readLastWords();
      co_return sent;
    }
    const Result<void> read = co_await readFinalReplies();
    co_return read;
  }

  // RFC 3030 2: the whole message as one chunk, without stuffing and, where the stream can, without copying.
  [[nodiscard]] Task<Result<void>> sendBdat() {
    net::Connection& connection = client_.connection_;
    const std::string bdat = "BDAT " + std::to_string(content_.size()) + " LAST\r\n";
    client_.transcript_.client(bdat);
    connection.write(bdat);
    connection.write(content_.prefix);
    ContentReader reader(connection.loop(), content_.fd, content_.cold);
    outcome_.contentSent = content_.length == 0;
    for (std::uint64_t at = 0; at < content_.length;) {
      const std::uint64_t part = std::min<std::uint64_t>(content_.length - at, 1U << 20);
      outcome_.contentSent = at + part == content_.length;  // of the last part nobody knows how much went out
      co_await reader.warm(content_.offset + at, part);
      const Result<void> sent = co_await connection.writeFile(content_.fd, content_.offset + at, part,
                                                              Deadline::after(client_.options_.timeouts.dataBlock));
      if (!sent) {
        if (sent.error().kind == Error::Kind::closed) co_await readLastWords();
        co_return sent;
      }
      at += part;
    }
    const Result<void> flushed = co_await connection.flush(Deadline::after(client_.options_.timeouts.dataBlock));
    if (!flushed) co_return flushed;
    const Result<void> read = co_await readFinalReplies();
    co_return read;
  }

  // LMTP answers once per accepted recipient: RFC 2033 4.2.
  [[nodiscard]] Task<Result<void>> readFinalReplies() {
    const Deadline deadline = Deadline::after(client_.options_.timeouts.dataEnd);
    std::optional<Reply> common;
    for (std::size_t i = 0; i < accepted_.size(); ++i) {
      if (!accepted_[i]) continue;
      if (!common || client_.options_.lmtp) {
        Result<Reply> reply = co_await client_.readReply(deadline);
        if (!reply) co_return fail(reply.error());
        common = std::move(*reply);
      }
      outcome_.recipients[i] = common->code / 100 == 3 ? localReply(451, "4.5.0", common->oneLine()) : *common;
      accepted_[i] = open_[i] = false;
    }
    client_.needsReset_ = false;
    co_return Result<void>();
  }

  void noteContent() { client_.transcript_.event(std::to_string(content_.size()) + " octets of content"); }

  // A server that refuses in the middle of the content says why, closes, and our writing fails before we have read it.
  [[nodiscard]] Task<void> readLastWords() {
    const Result<Reply> reply = co_await client_.readReply(Deadline::after(kLastWords));
    if (reply && !reply->isPositive()) refuseAccepted(*reply);
  }

  void noteBroken(const Error& error) {
    client_.usable_ = false;
    client_.transcript_.event(error.detail);
    const char* const when = outcome_.contentSent ? " after the end of the content" : "";
    const Reply lost = error.kind == Error::Kind::timeout
                           ? localReply(451, "4.4.2", std::string("the next host did not answer in time") + when)
                           : localReply(451, "4.4.2", "connection to the next host lost" + std::string(when) + ": " + error.detail);
    for (const std::size_t i : asked_) {
      if (open_[i]) outcome_.recipients[i] = lost;
    }
    outcome_.broken = error;
  }

  Client& client_;
  const Transaction& transaction_;
  const Content& content_;
  Outcome outcome_;
  std::vector<std::size_t> asked_;  // recipients that RCPT is said for
  std::vector<bool> accepted_;      // 2xx to RCPT, and no final reply yet
  std::vector<bool> open_;          // asked, and nothing final is known
  std::deque<Expected> expected_;
  std::set<std::string> domains_;   // theirs, where the server limits them
  bool utf8_ = false;
  bool mailRefused_ = false;
  bool goAhead_ = false;
};

Task<Outcome> Client::send(const Transaction& transaction, const Content& content) {
  if (isBetweenMessages_) transcript_.clear();
  Sending sending(*this, transaction, content);
  Outcome outcome = co_await sending.run();
  isBetweenMessages_ = true;
  co_return outcome;
}

}  // namespace ostler::smtp
