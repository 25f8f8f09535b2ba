// draft_state.h - Draft: one message on its way in, as Drafts sees it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "libmailcore/async/channel.h"
#include "libmailcore/ipc/session_info.h"
#include "libmailcore/message/received.h"
#include "queued/spool/draft.h"

namespace ostler::spool {

struct Drafts::Draft {
  explicit Draft(Loop& loop) : writer(loop, 1) {}
  [[nodiscard]] bool isWriting() const { return writer.available() == 0; }
  /// With the fields of final delivery in front, which the mailbox counts, too; as for the first recipient.
  [[nodiscard]] std::uint64_t octetsInMailbox() const {
    return size + message::writeReturnPath(envelope.reversePath).size() + message::writeDeliveredTo(envelope.recipients.front().forwardPath).size();
  }
  Id128 id;
  std::uint64_t connection = 0;
  std::optional<uid_t> localUser;  // over submit.sock
  SteadyTime touched = std::chrono::steady_clock::now();
  ipc::SessionInfo session;
  ipc::Envelope envelope;
  std::string user;
  policy::Amount counted;  // against what the user may send, until it is mail
  std::uint64_t room = policy::kNoLimit;  // for it, when it was opened
  std::string buffer;   // not in the file yet; without a file all there is
  std::string head;     // of a draft with a file: its first octets, for the header
  std::shared_ptr<LargeFile> file;
  std::uint64_t size = 0;
  bool hasEightBit = false;
  bool headerComplete = false;
  bool committing = false;
  bool commitIsSoon = false;
  Result<void> failure;     // of a write: the draft is lost
  Semaphore writer;         // held by who writes `buffer` to the file
};

}  // namespace ostler::spool
