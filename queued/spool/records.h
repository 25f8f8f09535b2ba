// records.h - what the spool writes into its journal: one struct per type of record. Pure of files.
// Records *set* state, they never add to it: applying a suffix of the log twice gives the same queue. See STATES.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "libmailcore/base/clock.h"
#include "libmailcore/base/ids.h"
#include "libmailcore/base/result.h"
#include "libmailcore/ipc/envelope.h"

namespace ostler::spool {

/// Version of these records, in the header of every segment. A newer one is refused, an older one is read.
/// Raised with every v.later(): an older program takes octets that it does not know for damage.
/// 2: MessageRecord::handling. 3: expiresAt, movedTo and contentCrc, which later programs of version 2 wrote already.
inline constexpr std::uint32_t kRecordsVersion = 3;

/// Types of records. Numbers are never used again.
enum class RecordType : std::uint16_t {
  message = 1,      ///< MessageRecord: a message and the whole state of its recipients
  content = 2,      ///< the octets of the message whose record stands right before it in the batch
  outcome = 3,      ///< OutcomeRecord
  delivered = 4,    ///< DeliveredRecord
  expansion = 5,    ///< ExpansionRecord
  mark = 6,         ///< MarkRecord
  destination = 7,  ///< DestinationRecord
};

enum class RecipientState : std::uint8_t {
  pending,    ///< to be delivered
  delivered,  ///< final: in a mailbox, a folder, or taken by the next hop
  failed,     ///< final: reported to the sender if it wants that
  expanded,   ///< final: an alias; its targets are recipients of their own
  removed,    ///< final: by an administrator, or a second way to a mailbox that has its copy
};

/// One recipient as it stands.
struct RecipientRecord {
  ipc::Recipient recipient;
  std::uint32_t parent = kNoParent;  ///< index of the alias it came from
  RecipientState state = RecipientState::pending;
  std::uint32_t attempts = 0;
  WallTime due{};        ///< of a pending one; the epoch: at once
  std::string lastReply; ///< "450 4.2.0 mx.example.net [192.0.2.1]:25 said: come back later"
  static constexpr std::uint32_t kNoParent = UINT32_MAX;
  template <class V>
  void fields(V& v) {
    v(recipient, parent, state, attempts, due, lastReply);
  }
};

/// Where a message came from: for the log, the list and the report.
struct Origin {
  std::string service;        ///< "smtp" "submission" "lmtp" "pickup" "local" "report"
  std::string virtualServer;
  std::string client;         ///< Endpoint text, or "uid 1000"
  std::string helo;
  std::string user;           ///< the authenticated account's address
  std::string taken;          ///< pickup: its name in .taken/
  Id128 session;
  template <class V>
  void fields(V& v) {
    v(service, virtualServer, client, helo, user, taken, session);
  }
};

/// What an administrator, or the spool itself, has laid on a message.
enum class Hold : std::uint8_t {
  none,
  held,    ///< waits for an administrator, does not expire
  frozen,  ///< stopped after trouble; its time goes on
};

struct MessageRecord {
  Id128 id;  ///< queue id, and the draft's
  WallTime arrived;
  Origin origin;
  std::string reversePath;
  std::string envid;
  ipc::Returned returned = ipc::Returned::notSaid;
  bool smtpUtf8 = false;
  bool eightBit = false;
  bool binary = false;
  std::uint64_t size = 0;   ///< octets of the content
  bool large = false;       ///< the content is large/ID; else the content record that follows
  bool hasEightBit = false;
  bool utf8Header = false;
  Hold hold = Hold::none;
  bool delayTold = false;   ///< the delay notice has been sent
  std::vector<RecipientRecord> recipients;
  ipc::Handling handling;
  WallTime expiresAt{};     ///< an administrator's word; the epoch: as the schedule says
  std::string movedTo;      ///< an administrator's next hop; empty: as the routes say
  std::optional<std::uint32_t> contentCrc;  ///< CRC32C of a large content; in the journal a content's record has one
  template <class V>
  void fields(V& v) {
    v(id, arrived, origin, reversePath, envid, returned, smtpUtf8, eightBit, binary, size, large, hasEightBit, utf8Header,
      hold, delayTold, recipients);
    v.later(handling);
    v.later(expiresAt, movedTo);
    v.later(contentCrc);
  }
};

/// A RecipientRecord and a MessageRecord that only show what they were read from: for looking at many. The same octets, in the same
/// order.
struct RecipientView {
  std::string_view forwardPath;
  std::string_view orcpt;
  std::uint8_t notify = 0;
  bool notifyGiven = false;
  std::uint32_t parent = RecipientRecord::kNoParent;
  RecipientState state = RecipientState::pending;
  std::uint32_t attempts = 0;
  WallTime due{};
  std::string_view lastReply;
  template <class V>
  void fields(V& v) {
    v(forwardPath, orcpt, notify, notifyGiven, parent, state, attempts, due, lastReply);
  }
};

struct MessageView {
  Id128 id;
  WallTime arrived;
  struct {
    std::string_view service, virtualServer, client, helo, user, taken;
    Id128 session;
  } origin;
  std::string_view reversePath;
  std::string_view envid;
  ipc::Returned returned = ipc::Returned::notSaid;
  bool smtpUtf8 = false, eightBit = false, binary = false;
  std::uint64_t size = 0;
  bool large = false, hasEightBit = false, utf8Header = false;
  Hold hold = Hold::none;
  bool delayTold = false;
  std::vector<RecipientView> recipients;
  ipc::Handling handling;
  WallTime expiresAt{};
  std::string_view movedTo;
  std::optional<std::uint32_t> contentCrc;
  template <class V>
  void fields(V& v) {
    v(id, arrived, origin.service, origin.virtualServer, origin.client, origin.helo, origin.user, origin.taken, origin.session, reversePath,
      envid, returned, smtpUtf8, eightBit, binary, size, large, hasEightBit, utf8Header, hold, delayTold, recipients);
    v.later(handling);
    v.later(expiresAt, movedTo);
    v.later(contentCrc);
  }
};

/// What became of recipients of one message in one attempt.
struct OutcomeRecord {
  struct Entry {
    std::uint32_t recipient = 0;  ///< index
    RecipientState state = RecipientState::pending;
    std::uint32_t attempts = 0;
    WallTime due{};
    std::string lastReply;
    template <class V>
    void fields(V& v) {
      v(recipient, state, attempts, due, lastReply);
    }
  };
  Id128 id;
  bool delayTold = false;
  std::vector<Entry> entries;
  template <class V>
  void fields(V& v) {
    v(id, delayTold, entries);
  }
};

/// Messages whose every recipient was delivered: the common end, 16 octets each.
struct DeliveredRecord {
  std::vector<Id128> ids;
  template <class V>
  void fields(V& v) {
    v(ids);
  }
};

/// An alias was expanded: the targets become recipients from index `first` on.
struct ExpansionRecord {
  Id128 id;
  std::uint32_t recipient = 0;
  std::uint32_t first = 0;
  bool hasMailboxes = false;  ///< it leads to mailboxes of ours, too: stays pending until they have it; else it is `expanded`
  std::vector<std::string> targets;
  template <class V>
  void fields(V& v) {
    v(id, recipient, first, hasMailboxes, targets);
  }
};

/// An administrator's word on one message.
struct MarkRecord {
  enum class Kind : std::uint8_t { hold, due, removed, expiry, moved };
  Id128 id;
  Kind kind = Kind::hold;
  Hold hold = Hold::none;
  WallTime due{};  ///< Kind::due: when pending recipients are tried; Kind::expiry: when the message is given up
  std::string to;  ///< Kind::moved: HOST, HOST:PORT, "mx"; empty: as the routes say
  template <class V>
  void fields(V& v) {
    v(id, kind, hold, due);
    v.later(to);
  }
};

/// An administrator's word on one destination. See schedule/destination.h.
struct DestinationRecord {
  std::string key;
  Hold hold = Hold::none;
  template <class V>
  void fields(V& v) {
    v(key, hold);
  }
};

using AnyRecord = std::variant<MessageRecord, OutcomeRecord, DeliveredRecord, ExpansionRecord, MarkRecord, DestinationRecord>;

/// The record of that type. Errors: syntax (not of the type's form, or a type that is not known; content is not asked for here).
[[nodiscard]] Result<AnyRecord> decodeRecord(std::uint16_t type, std::string_view octets);
[[nodiscard]] std::string encodeRecord(const AnyRecord& record);
/// What two forward-paths have in common that are one recipient: the domain as it is compared, the local part with its case. Elsewhere
/// that may matter (RFC 5321 2.4), and here the mailbox is reached once however it is written.
[[nodiscard]] std::string distinctPath(std::string_view forwardPath);
/// What an expansion makes of its message. REQUIRES: its recipient is there, and `first` is how many there are.
void grow(MessageRecord& record, const ExpansionRecord& expansion);
[[nodiscard]] RecordType typeOf(const AnyRecord& record);

}  // namespace ostler::spool
