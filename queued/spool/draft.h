// draft.h - Drafts: messages on their way in over smtpd.sock and submit.sock, frame by frame, and the commit that makes them ours.
// A draft's content is buffered up to `queue.large_message`, or until the budget of all drafts is used up; then it goes on in a
// file of queue/large/. States 1 to 5 of STATES.md.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "libmailcore/ipc/draft.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/message.h"
#include "libmailcore/ipc/socket.h"
#include "queued/spool/acceptance.h"
#include "queued/spool/questions.h"

namespace ostler::spool {

/// Who may open drafts on a socket.
enum class DraftSource {
  smtpd,  ///< says whose session it is; what it sends is checked again against policy, so that a break-in there opens no relay
  local,  ///< any local user; who it is says SO_PEERCRED
};

/// One loop.
class Drafts {
 public:
  Drafts(Environment& env, Questions& questions, Acceptance& acceptance);
  ~Drafts();
  Drafts(const Drafts&) = delete;
  Drafts& operator=(const Drafts&) = delete;

  /// Registers the draft and policy messages on a server. The server goes before this.
  void serve(ipc::Server& server, DraftSource source);
  [[nodiscard]] std::size_t open() const { return drafts_.size(); }
  [[nodiscard]] std::size_t committing() const { return committing_; }

 private:
  struct Draft;
  using Connection = std::shared_ptr<ipc::ServerConnection>;

  [[nodiscard]] Task<Result<ipc::SmtpReply>> openDraft(Connection from, ipc::OpenDraft request, DraftSource source);
  [[nodiscard]] Task<Result<ipc::Empty>> data(Connection from, ipc::DraftData request);
  [[nodiscard]] Task<Result<ipc::CommitReply>> commit(Connection from, ipc::CommitDraft request);
  [[nodiscard]] Task<Result<ipc::CommitReply>> outcome(ipc::DraftOutcome request);
  void discard(const Id128& id, std::uint64_t connection);
  [[nodiscard]] Task<void> dropIdle();
  void remember(const ipc::CommitReply& reply, const Id128& id);

  [[nodiscard]] Result<void> count(Draft& draft, std::string_view octets);
  [[nodiscard]] Task<Result<void>> flush(std::shared_ptr<Draft> draft);
  void completeHeader(Draft& draft);
  void addMissingFields(Draft& draft);
  void settlePriority(Draft& draft);
  void showDomains(Draft& draft);
  void replaceBuffer(Draft& draft, std::string octets);
  [[nodiscard]] Task<Result<void>> recode(std::shared_ptr<Draft> draft);
  void expectCommit(Draft& draft, bool isSoon);
  [[nodiscard]] MessageRecord recordOf(const Draft& draft) const;
  [[nodiscard]] Task<Result<ipc::CommitReply>> commitToQueue(std::shared_ptr<Draft> draft);
  [[nodiscard]] Task<Result<ipc::CommitReply>> commitToMailboxes(std::shared_ptr<Draft> draft);
  [[nodiscard]] Task<ipc::SmtpReply> deliverNow(std::shared_ptr<Draft> draft, MessageRecord record,
                                                std::shared_ptr<const std::string> content, std::size_t recipient);
  [[nodiscard]] Task<ipc::SmtpReply> queueNow(std::shared_ptr<Draft> draft, MessageRecord record,
                                              std::shared_ptr<const std::string> content, std::size_t recipient);
  [[nodiscard]] std::shared_ptr<Draft> find(const Id128& id, std::uint64_t connection) const;
  void forget(const std::shared_ptr<Draft>& draft);

  Environment& env_;
  Questions& questions_;
  Acceptance& acceptance_;
  std::unordered_map<Id128, std::shared_ptr<Draft>> drafts_;
  std::map<uid_t, std::size_t> perUser_;  ///< drafts over submit.sock
  std::unordered_map<Id128, ipc::CommitReply> mailboxOutcomes_;  ///< LMTP: what lately committed drafts were answered
  std::deque<Id128> mailboxOrder_;
  std::uint64_t buffered_ = 0;  ///< octets in all drafts
  std::size_t committing_ = 0;
  std::size_t soonCommitted_ = 0;  ///< drafts of which nothing but the commit is to come
  TaskScope idleLook_;
};

}  // namespace ostler::spool
