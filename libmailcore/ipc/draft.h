// draft.h - a message on its way into the queue: smtpd, sendmail → spool.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/ids.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/message.h"
#include "libmailcore/ipc/session_info.h"

namespace ostler::ipc {

/// Refused with Failure{limit} when the disk or the queue is full, before the client sends it all. 250: open; any other
/// reply is the checks' and for the client, and there is no draft.
struct OpenDraft {
  static constexpr std::uint16_t kType = 130;
  using Reply = SmtpReply;
  Id128 draft;  ///< made by the caller; with it the outcome of a commit can be asked for later
  SessionInfo session;
  Envelope envelope;
  std::uint64_t declaredSize = 0;
  template <class V>
  void fields(V& v) {
    v(draft, session, envelope, declaredSize);
  }
};

/// The next octets of the content: CRLF lines, dots unstuffed, trace field in front. At most 64 KiB each.
struct DraftData {
  static constexpr std::uint16_t kType = 131;
  using Reply = Empty;  ///< back-pressure: at most four unanswered
  Id128 draft;
  std::string_view octets;  ///< valid until the reply
  template <class V>
  void fields(V& v) {
    v(draft, octets);
  }
};

struct CommitReply {
  static constexpr std::uint16_t kType = 133;
  using Reply = void;
  std::string queueId;             ///< empty: nothing was accepted
  std::vector<SmtpReply> replies;  ///< one per recipient, in their order; all the same unless LMTP
  template <class V>
  void fields(V& v) {
    v(queueId, replies);
  }
};

/// Makes the message durable and due. The reply is sent after the sync: from then on the mail is ours (RFC 5321 6.1).
struct CommitDraft {
  static constexpr std::uint16_t kType = 132;
  using Reply = CommitReply;
  Id128 draft;
  std::string lastOctets;  ///< the end of the content: saves small messages a frame
  template <class V>
  void fields(V& v) {
    v(draft, lastOctets);
  }
};

struct DiscardDraft {
  static constexpr std::uint16_t kType = 134;
  using Reply = void;
  Id128 draft;
  template <class V>
  void fields(V& v) {
    v(draft);
  }
};

/// After the spool went away during a commit: what became of it? An empty queueId: it was never accepted.
struct DraftOutcome {
  static constexpr std::uint16_t kType = 135;
  using Reply = CommitReply;
  Id128 draft;
  template <class V>
  void fields(V& v) {
    v(draft);
  }
};

}  // namespace ostler::ipc
