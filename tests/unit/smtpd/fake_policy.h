// fake_policy.h - spool and auth for the tests of sessions: rules by address, messages kept in memory, faults on
// demand.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/ipc/draft.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/ipc/message.h"
#include "libmailcore/ipc/policy.h"
#include "libmailcore/ipc/session_info.h"
#include "libmailcore/ipc/watches.h"
#include "libmailcore/net/connection.h"
#include "smtpd/policy.h"

namespace ostler::smtpd {

/// unknown@… is refused, later@… deferred, full@… fails at the end (LMTP), domains other than example.test are relayed
/// after AUTH alone, sender nospace@… finds the queue full, the login of ended@… is not known any more. The password is "secret" for everybody.
class FakePolicy : public Policy {
 public:
  struct Message {
    ipc::Envelope envelope;
    ipc::SessionInfo session;
    std::string content;  // with all that was put in front
    /// Without the trace field and what submission adds.
    [[nodiscard]] std::string asSent() const {
      return content.substr(content.find("\r\n", content.find(";\r\n\t") + 2) + 2);
    }
  };
  std::vector<Message> accepted;
  int discarded = 0;
  int cancelledLogins = 0;
  bool challengesForEver = false;  ///< whatever a client answers, it is asked again
  bool dataIsSlow = false;         ///< no frame is answered while this is true
  bool commitIsSlow = false;       ///< no commit is answered while this is true
  int unanswered = 0;
  int mostUnanswered = 0;
  bool spoolAway = false;
  enum class CommitFault { none, lostButThere, lostAndGone } commitFault = CommitFault::none;
  std::uint64_t generation = 1;
  std::size_t openDrafts() const { return drafts_.size(); }

  /// The client's name; "" is none. Those in .bad.example are refused.
  std::string clientName = "client.example";
  int etrns = 0;
  ipc::Watches watches;
  std::uint64_t watchesKnown = 0;  ///< the version that was asked about last
  Task<Result<ipc::Watches>> awaitWatches(ipc::AwaitWatches request, Deadline) override {
    watchesKnown = request.version;
    while (request.version == watches.version) co_await loop->sleepUntil(Deadline::after(std::chrono::milliseconds(1)));
    co_return watches;
  }
  Task<Result<ipc::SmtpReply>> checkClient(ipc::CheckClient, Deadline) override {
    if (spoolAway) co_return fail(Error::Kind::timeout, "nobody listens");
    if (clientName.ends_with(".bad.example")) co_return ipc::SmtpReply{554, "", "Your name may not connect here"};
    co_return ipc::SmtpReply{220, "", clientName};
  }
  bool tellsAddresses = false;
  Task<Result<ipc::SmtpReply>> verify(ipc::Verify request, Deadline) override {
    if (!tellsAddresses) co_return ipc::SmtpReply{252, "2.1.5", "Cannot verify"};
    if (request.argument.starts_with("unknown")) co_return ipc::SmtpReply{550, "5.1.1", "No such user"};
    if (request.expand) co_return ipc::SmtpReply{250, "2.1.5", "<alice@example.test>\n<bob@example.test>"};
    co_return ipc::SmtpReply{250, "2.1.5", "<" + request.argument + ">"};
  }
  Task<Result<ipc::SmtpReply>> etrn(ipc::EtrnRequest request, Deadline) override {
    if (spoolAway) co_return fail(Error::Kind::timeout, "nobody listens");
    ++etrns;
    if (request.argument == "empty.example") co_return ipc::SmtpReply{251, "2.0.0", "No messages waiting"};
    co_return ipc::SmtpReply{253, "2.0.0", "3 pending messages for node " + request.argument + " started"};
  }
  /// What the fake sends over a turned connection, and reads up to its end.
  std::string heardAfterTurn;
  std::unique_ptr<TaskScope> turned;
  explicit FakePolicy(Loop& on) : loop(&on) {}
  Loop* const loop;
  Task<Result<ipc::SmtpReply>> turnAround(ipc::TurnAround request, UniqueFd connection, Deadline) override {
    if (request.domains == std::vector<std::string>{"empty.example"}) co_return ipc::SmtpReply{453, "4.0.0", "You have no mail"};
    if (request.domains == std::vector<std::string>{"other.example"}) co_return ipc::SmtpReply{450, "4.7.1", "ATRN request refused"};
    turned = std::make_unique<TaskScope>(*loop);
    turned->spawn(speak(*this, std::move(connection)));
    co_return ipc::SmtpReply{250, "2.0.0", "OK now reversing the connection"};
  }
  static Task<void> speak(FakePolicy& self, UniqueFd socket) {
    net::Connection connection(*self.loop, net::makeSocketStream(*self.loop, std::move(socket)));
    const Deadline soon = Deadline::after(std::chrono::seconds(10));
    for (const char* const line : {"EHLO mail.example.test\r\n", "QUIT\r\n"}) {
      const Result<std::string_view> heard = co_await connection.readLine(1000, soon);
      if (heard) self.heardAfterTurn += std::string(*heard) + "|";
      connection.write(line);
      const Result<void> sent = co_await connection.flush(soon);
      (void)sent;
    }
    const Result<std::string_view> last = co_await connection.readLine(1000, soon);
    if (last) self.heardAfterTurn += std::string(*last) + "|";
  }
  Task<Result<ipc::SmtpReply>> checkSender(ipc::CheckSender request, Deadline) override {
    if (spoolAway) co_return fail(Error::Kind::timeout, "nobody listens");
    if (request.reversePath.starts_with("unknown@")) co_return ipc::SmtpReply{550, "5.1.8", "No such domain"};
    if (request.reversePath.starts_with("ended@")) co_return ipc::SmtpReply{421, "4.7.0", "Log in again"};
    co_return ipc::SmtpReply{250, "2.1.0", "OK"};
  }
  Task<Result<ipc::RecipientReply>> checkRecipient(ipc::CheckRecipient request, Deadline) override {
    if (spoolAway) co_return fail(Error::Kind::timeout, "nobody listens");
    const std::string& to = request.forwardPath;
    if (request.session.helo.starts_with("unknown.") && !to.starts_with("postmaster")) co_return ipc::SmtpReply{550, "5.7.1", "No such host"};
    if (to.starts_with("unknown@")) co_return ipc::SmtpReply{550, "5.1.1", "No such user"};
    if (to.starts_with("later@")) co_return ipc::SmtpReply{451, "4.2.0", "Later"};
    if (!to.ends_with("@example.test") && to != "postmaster" && request.session.token.empty()) {
      co_return ipc::SmtpReply{550, "5.7.1", "Relay access denied"};
    }
    co_return ipc::SmtpReply{250, "2.1.5", "OK"};
  }
  Task<Result<ipc::SmtpReply>> openDraft(ipc::OpenDraft request, Deadline) override {
    if (spoolAway) co_return fail(Error::Kind::timeout, "nobody listens");
    if (request.envelope.reversePath.starts_with("nospace@")) co_return fail(Error::Kind::limit, "disk full");
    if (request.envelope.reversePath.starts_with("frozen@")) co_return ipc::SmtpReply{450, "4.7.1", "You have sent too much"};
    drafts_[request.draft] = {request.envelope, request.session, ""};
    co_return ipc::SmtpReply{250, "2.0.0", "OK"};
  }
  Task<Result<ipc::Empty>> sendData(ipc::DraftData request, Deadline) override {
    drafts_[request.draft].content += request.octets;
    mostUnanswered = std::max(mostUnanswered, ++unanswered);
    while (dataIsSlow) co_await loop->sleepUntil(Deadline::after(std::chrono::milliseconds(1)));
    --unanswered;
    co_return ipc::Empty{};
  }
  Task<Result<ipc::CommitReply>> commit(ipc::CommitDraft request, Deadline) override {
    if (spoolAway) co_return fail(Error::Kind::timeout, "nobody listens");
    while (commitIsSlow) co_await loop->sleepUntil(Deadline::after(std::chrono::milliseconds(1)));
    if (!drafts_.contains(request.draft)) co_return fail(Error::Kind::notFound, "no such draft");
    if (commitFault == CommitFault::lostAndGone) co_return fail(Error::Kind::closed, "spool died");
    Message message = std::move(drafts_[request.draft]);
    drafts_.erase(request.draft);
    message.content += request.lastOctets;
    const ipc::CommitReply reply = replyTo(message, request.draft);
    accepted.push_back(std::move(message));
    if (commitFault == CommitFault::lostButThere) co_return fail(Error::Kind::closed, "spool died");
    co_return reply;
  }
  Task<Result<ipc::CommitReply>> outcomeOf(ipc::DraftOutcome request, Deadline) override {
    if (commitFault == CommitFault::lostAndGone) co_return ipc::CommitReply{};
    co_return replyTo(accepted.back(), request.draft);
  }
  void discard(ipc::DiscardDraft notice) override {
    ++discarded;
    drafts_.erase(notice.draft);
  }

  Task<Result<ipc::LoginReply>> startLogin(ipc::LoginStart request, Deadline) override {
    using State = ipc::LoginReply::State;
    ipc::LoginReply reply;
    if (request.mechanism == "PLAIN" && request.initial)
      co_return decided(*request.initial == std::string("\0alice\0secret", 13));
    reply.state = State::challenge;
    reply.conversation = 7;
    reply.data = request.mechanism == "LOGIN" ? "User Name" : request.mechanism == "PLAIN" ? "" : "r=1,s=2,i=3";
    mechanism_ = request.mechanism;
    co_return reply;
  }
  Task<Result<ipc::LoginReply>> continueLogin(ipc::LoginContinue request, Deadline) override {
    if (challengesForEver) {
      ipc::LoginReply again;
      again.state = ipc::LoginReply::State::challenge;
      again.conversation = request.conversation;
      co_return again;
    }
    if (mechanism_ == "LOGIN" && request.response == "alice") {
      ipc::LoginReply reply;
      reply.state = ipc::LoginReply::State::challenge;
      reply.conversation = request.conversation;
      reply.data = "Password";
      co_return reply;
    }
    if (mechanism_ == "PLAIN") co_return decided(request.response == std::string("\0alice\0secret", 13));
    if (mechanism_ == "LOGIN") co_return decided(request.response == "secret");
    ipc::LoginReply last = decided(request.response == "proof");
    if (last.state == ipc::LoginReply::State::succeeded) last.data = "v=verified";
    co_return last;
  }
  void cancelLogin(ipc::LoginCancel) override { ++cancelledLogins; }
  std::uint64_t authGeneration() const override { return generation; }

 private:
  static ipc::LoginReply decided(bool good) {
    ipc::LoginReply reply;
    reply.state = good ? ipc::LoginReply::State::succeeded : ipc::LoginReply::State::failed;
    reply.account.address = "alice@example.test";
    reply.token = good ? "token" : "";
    reply.reason = good ? "" : "credentials";
    return reply;
  }
  static ipc::CommitReply replyTo(const Message& message, const Id128& draft) {
    ipc::CommitReply reply;
    reply.queueId = draft.text();
    for (const ipc::Recipient& recipient : message.envelope.recipients) {
      const bool full = recipient.forwardPath.starts_with("full@") && message.session.service == "lmtp";
      reply.replies.push_back(full ? ipc::SmtpReply{452, "4.2.2", "Mailbox full"}
                                   : ipc::SmtpReply{250, "2.0.0", "OK: queued"});
    }
    return reply;
  }
  std::map<Id128, Message> drafts_;
  std::string mechanism_;
};

}  // namespace ostler::smtpd
