// incoming.h - a message on its way in: octets go through here to the spool, and nothing of it stays in this process.
// Is not: SMTP. It is given unstuffed octets and says in the end what became of them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "libmailcore/async/channel.h"
#include "libmailcore/async/loop.h"
#include "libmailcore/ipc/draft.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/receiving/checks.h"
#include "libmailcore/smtp/reply.h"
#include "smtpd/budget.h"
#include "smtpd/policy.h"

namespace ostler::smtpd {

struct IncomingSettings {
  std::string traceField;  ///< goes in front of all
  /// What is said against content as far as it is known. Asked as it comes, until there is an objection.
  std::function<std::optional<smtp::Reply>(const receiving::Content&)> objection;
  /// Submission: from the header (or as much of it as is there), the fields it lacks. Empty function: nothing is added.
  std::function<std::string(std::string_view header)> missingFields;
};

/// What became of a message.
struct Outcome {
  std::string queueId;               ///< empty: refused
  std::vector<smtp::Reply> replies;  ///< one per recipient, or a single one for all
  std::string detail;                ///< for the log: why the spool did not take it; empty if the client is to blame
};

/// One message of one session, on its loop. Going away before commit() discards the draft.
class Incoming {
 public:
  /// Opens the draft at the spool and does not wait for it: a small message needs no answer before its end.
  Incoming(Loop& loop, Policy& policy, Budget& budget, ipc::OpenDraft request, IncomingSettings settings);
  ~Incoming();
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;

  /// Waits until the spool has agreed. The client is asked for a large message only then, and nothing is sent on
  /// before.
  [[nodiscard]] Task<Result<void>> opened();
  /// Where content is appended; call passOn() after each piece.
  [[nodiscard]] std::string& buffer() { return chunk_; }
  /// Counts what was appended and sends it on when a frame is full. Waits for the spool when it is slow, and for the
  /// budget. Never fails: from the first fault on content is read and thrown away, and finish() says why.
  [[nodiscard]] Task<void> passOn(Deadline deadline);
  /// What was appended since the last passOn() has a CR or LF alone.
  void sawBareLineEnd() { content_.bareLineEnd = true; }
  [[nodiscard]] bool refused() const { return refusal_.has_value(); }
  [[nodiscard]] std::uint64_t size() const { return content_.octets; }
  /// Makes it durable, or says why not. Once called the message may be the spool's whatever happens to us.
  [[nodiscard]] Task<Outcome> finish(Deadline deadline);

 private:
  static Task<void> open(Incoming& self, ipc::OpenDraft request);
  static Task<void> send(Incoming& self, std::string octets, Semaphore::Permit permit);
  [[nodiscard]] Task<void> reserve(Deadline deadline);
  [[nodiscard]] Task<void> sendFrame();
  [[nodiscard]] Task<Outcome> askAgain(Error lost, Deadline deadline);
  void completeHeader();
  void mendHeader();
  void completeFields();
  void judge();
  void refuse(smtp::Reply reply);
  void failed(const Error& error);
  [[nodiscard]] Outcome refusedOutcome() const;

  Loop& loop_;
  Policy& policy_;
  Budget::Share share_;
  const Id128 draft_;
  const std::size_t recipients_;
  IncomingSettings settings_;
  std::string chunk_;        // not yet sent; begins with the trace field while nothing was sent
  std::size_t counted_ = 0;  // of chunk_ so much is in content_.octets already
  receiving::Content content_;
  bool headerDone_ = false;
  bool complete_ = false;  // nothing more comes
  bool discardable_ = true;
  bool openAnswered_ = false;
  std::optional<smtp::Reply> refusal_;
  std::string detail_;
  Signal openSignal_;
  Semaphore unanswered_;
  TaskScope calls_;  // last: its tasks use all of the above
};

/// What the spool answered, as a reply. Anything that is not one is 451.
[[nodiscard]] smtp::Reply toReply(const ipc::SmtpReply& answer);
/// An error of a call in the client's words: its detail is for the log alone.
[[nodiscard]] smtp::Reply replyFor(const Error& error);

}  // namespace ostler::smtpd
