// store.h - the mail store as its users see it: accounts of mailboxes of messages, changed by awaited transactions.
// Is not: files, LMDB, IMAP. No offset, descriptor of the store or database type shows here, so that a second implementation on a
// distributed SQL engine fits below it. Implementations: local/ (log and index), memory_store.h (tests).
// Nothing a client has seen (UID, UIDVALIDITY, MODSEQ, id) is ever given to anything else: RFC 9051 2.3.1.1, RFC 7162 3.1, RFC 8474.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/base/clock.h"
#include "libmailcore/base/ids.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/store/uid_set.h"

namespace ostler::store {

using MailboxId = Id128;
using EmailId = Id128;          ///< the same for all copies of one message: RFC 8474 5.1
using ModSeq = std::uint64_t;   ///< one counter per account; grows with every change

/// Flags of one message: the five system flags, then the mailbox's keywords by their place in MailboxInfo::keywords.
struct Flags {
  std::uint64_t bits = 0;
  static constexpr std::uint64_t kSeen = 1, kAnswered = 2, kFlagged = 4, kDeleted = 8, kDraft = 16;
  static constexpr unsigned kFirstKeyword = 5;
  static constexpr std::size_t kMaxKeywords = 59;
  bool operator==(const Flags&) const = default;
};

/// Flags by name, as a caller gives them: a keyword that the mailbox does not have yet is made. Keywords compare without case.
struct FlagNames {
  std::uint64_t system = 0;  ///< Flags::kSeen ...
  std::vector<std::string> keywords;
};

/// RFC 6154 2.
enum class SpecialUse : std::uint8_t { none, all, archive, drafts, flagged, junk, sent, trash };

/// A mailbox and its counters: what SELECT and STATUS answer, in constant time.
struct MailboxInfo {
  MailboxId id;
  std::string name;  ///< UTF-8 (NFC), levels separated by '/', "INBOX" in capitals
  std::uint32_t uidValidity = 0;
  std::uint32_t uidNext = 1;
  ModSeq highestModSeq = 1;
  ModSeq historyStartsAt = 0;  ///< expunges are known from here on
  std::uint64_t messages = 0;
  std::uint64_t unseen = 0;
  std::uint64_t deleted = 0;  ///< messages with \Deleted
  std::uint64_t octets = 0;
  SpecialUse specialUse = SpecialUse::none;
  bool subscribed = false;
  bool exists = true;  ///< false: a name that is subscribed to but has no mailbox, or only children (\NonExistent)
  std::vector<std::string> keywords;
};

/// What to read of each message. Each costs a look-up or not: the first row is one column of the index, cheap for 100,000 messages.
struct Columns {
  bool dates = false;      ///< internalDate, saveDate, emailId, size
  bool envelope = false;   ///< prepared ENVELOPE
  bool structure = false;  ///< prepared BODY and BODYSTRUCTURE
  bool subject = false;    ///< decoded and case-folded, for SEARCH: of 100,000 messages a fifth of the octets of their summaries
  bool summary = false;    ///< the other decoded, case-folded header texts for SEARCH, and sort keys
  bool uidl = false;
  bool content = false;    ///< MessageRow::content
};

/// Where the octets of a message come from. Any thread; holds its file open and pinned as long as it lives.
class ContentSource {
 public:
  virtual ~ContentSource() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  /// Reads octets [offset, offset + into.size()); blocks: call on a pool. Errors: permanent (damaged: checksum), temporary (disk).
  [[nodiscard]] virtual Result<void> read(std::uint64_t offset, std::span<char> into) const = 0;
  /// As read(), from the page cache alone (preadv2 RWF_NOWAIT): false where that would block. May be called on a loop.
  [[nodiscard]] virtual bool readNow(std::uint64_t offset, std::span<char> into) const = 0;
  /// A descriptor from which sendfile may send: content octet n is file octet `offset` + n from content octet `from` on.
  struct FileRange {
    int fd = -1;
    std::uint64_t from = 0;    ///< octets before it are a prefix that only read() gives
    std::uint64_t offset = 0;  ///< where content octet `from` lies in the file
  };
  [[nodiscard]] virtual std::optional<FileRange> file() const { return std::nullopt; }
};

/// Of a message, known since its arrival.
struct ContentTraits {
  bool needsDotStuffing = false;
  bool binary = false;      ///< holds NUL
  bool utf8Header = false;
  bool bareLineEnds = false;
};

/// One message as a visitor sees it. Views are valid during the call alone. Columns not asked for are empty.
struct MessageRow {
  Uid uid;
  Flags flags;
  ModSeq modSeq = 0;
  std::int64_t internalDate = 0;  ///< Unix seconds
  std::int64_t saveDate = 0;      ///< Unix seconds: RFC 8514
  std::uint64_t size = 0;
  EmailId emailId;
  EmailId threadId;
  ContentTraits traits;
  std::string_view envelope;       ///< IMAP text, RFC 9051 7.5.2
  std::string_view body;
  std::string_view bodyStructure;
  std::string_view subject;
  std::string_view summary;        ///< packed and read by store/summary.h
  std::string_view uidl;
  std::shared_ptr<const ContentSource> content;
};

/// Walks over messages in UID order, on a thread of the store's pool. Must be repeatable: the store may run it again from begin().
class Visitor {
 public:
  virtual ~Visitor() = default;
  virtual void begin(const MailboxInfo& mailbox) = 0;
  /// False: enough, stop here.
  virtual bool row(const MessageRow& row) = 0;
};

/// A message on its way in.
struct NewMessage {
  EmailId emailId;                      ///< made by the caller
  std::string deliveryId;               ///< not empty: an id seen before is not stored again, and the first result is returned
  std::variant<MailboxId, std::string> mailbox;  ///< by id (missing: notFound), or by name (missing: made with its parents)
  std::string prefix;                   ///< trace fields of final delivery: Return-Path, Delivered-To
  std::string content;                  ///< CRLF lines; used when file is empty
  UniqueFd file;                        ///< else the content is [fileOffset, fileOffset + fileLength) of it
  std::uint64_t fileOffset = 0;
  std::uint64_t fileLength = 0;
  std::int64_t internalDate = 0;        ///< Unix seconds
  FlagNames flags;
  std::string uidl;                     ///< imported from another server; empty: made from the email id
};

struct Appended {
  MailboxId mailbox;
  std::uint32_t uidValidity = 0;
  Uid uid;
  bool duplicate = false;  ///< the delivery id had been seen; nothing was stored now
};

struct FlagsOperation {
  enum class Kind { replace, add, remove } kind = Kind::add;
  FlagNames flags;
  std::optional<ModSeq> unchangedSince;  ///< RFC 7162 3.1.3
};

struct FlagsChanged {
  MailboxInfo mailbox;
  ModSeq modSeq = 0;  ///< of those changed; 0 when none was
  UidSet changed;     ///< whose flags are different now
  UidSet modified;    ///< left alone because of unchangedSince
};

struct Copied {
  std::uint32_t uidValidity = 0;  ///< of the target
  UidSet from;
  UidSet to;  ///< same count and order as `from`: COPYUID, RFC 4315 3
  UidSet expunged;  ///< move: what left the source
};

struct Changes {
  MailboxInfo mailbox;             ///< now
  UidSet vanished;                 ///< expunged since
  struct Row {
    Uid uid;
    Flags flags;
    ModSeq modSeq = 0;
  };
  std::vector<Row> changed;        ///< new ones and those with other flags, in UID order
  bool complete = true;            ///< false: the history does not go back that far; `vanished` is all that is not there
};

struct Quota {
  std::uint64_t usedOctets = 0, usedMessages = 0;
  std::uint64_t limitOctets = 0, limitMessages = 0;  ///< 0: unlimited
};

/// A change somewhere in an account, told to whoever watches. Hints: several changes may come as one.
struct ChangeHint {
  MailboxId mailbox;  ///< null: anything may have changed, look at all
  ModSeq modSeq = 0;
};

/// Watching ends when it goes.
class Watch {
 public:
  virtual ~Watch() = default;
};

/// The one lock of a maildrop: RFC 1939 4. Given back when it goes.
class MaildropLock {
 public:
  virtual ~MaildropLock() = default;
};

/// One account, opened by a worker. Bound to that worker's loop; cheap: several handles of a process share what lies below.
/// Every change is durable when its task returns (one sync, shared where several come together), or has not happened at all.
/// Errors of every call: temporary (disk, lock not had in time: 10 s), permanent (damage), notFound (mailbox), limit (quota, disk full).
class Account {
 public:
  virtual ~Account() = default;

  /// All mailboxes, sorted by name; names that are only subscribed to, too.
  [[nodiscard]] virtual Task<Result<std::vector<MailboxInfo>>> mailboxes() = 0;
  [[nodiscard]] virtual Task<Result<MailboxInfo>> mailbox(std::string name) = 0;
  [[nodiscard]] virtual Task<Result<MailboxInfo>> mailbox(MailboxId id) = 0;
  /// The UIDs there are, ascending, with the state they are of. Shared by all who ask for the same state.
  struct Uids {
    MailboxInfo mailbox;
    std::shared_ptr<const std::vector<std::uint32_t>> uids;
  };
  [[nodiscard]] virtual Task<Result<Uids>> uids(MailboxId id) = 0;
  /// Shows every message of the set that is there to the visitor. Waits: short read transactions, many for a large set.
  [[nodiscard]] virtual Task<Result<void>> visit(MailboxId id, UidSet uids, Columns columns, std::shared_ptr<Visitor> visitor) = 0;
  [[nodiscard]] virtual Task<Result<Changes>> changesSince(MailboxId id, ModSeq since) = 0;

  /// All or none. Replies in their order. Errors also: limit (quota or disk): none was stored.
  [[nodiscard]] virtual Task<Result<std::vector<Appended>>> append(std::vector<NewMessage> messages) = 0;
  [[nodiscard]] virtual Task<Result<FlagsChanged>> changeFlags(MailboxId id, UidSet uids, FlagsOperation operation) = 0;
  [[nodiscard]] virtual Task<Result<Copied>> copy(MailboxId from, UidSet uids, MailboxId to) = 0;
  [[nodiscard]] virtual Task<Result<Copied>> move(MailboxId from, UidSet uids, MailboxId to) = 0;
  /// Expunges what has \Deleted and is in `among`. `regardless`: whether it has \Deleted or not (POP3, Sieve).
  enum class Expunge { deletedOnly, regardless };
  [[nodiscard]] virtual Task<Result<UidSet>> expunge(MailboxId id, UidSet among, Expunge which) = 0;

  /// Makes missing parents. Errors: exists.
  [[nodiscard]] virtual Task<Result<MailboxInfo>> createMailbox(std::string name, SpecialUse specialUse) = 0;
  /// With children it stays as a name without messages (RFC 9051 6.3.5). Errors: denied for INBOX.
  [[nodiscard]] virtual Task<Result<void>> deleteMailbox(std::string name) = 0;
  /// With its children. INBOX: moves its messages to a new mailbox (RFC 9051 6.3.6). Errors: exists, notFound.
  [[nodiscard]] virtual Task<Result<void>> renameMailbox(std::string from, std::string to) = 0;
  [[nodiscard]] virtual Task<Result<void>> subscribe(std::string name, bool subscribed) = 0;

  [[nodiscard]] virtual Task<Result<Quota>> quota() = 0;
  /// Calls back on the loop, soon after any process changed the account. No polling, no wake-up without a change.
  [[nodiscard]] virtual std::unique_ptr<Watch> watch(std::function<void(ChangeHint)> callback) = 0;
  /// Errors: exists when another session has it.
  [[nodiscard]] virtual Task<Result<std::unique_ptr<MaildropLock>>> lockMaildrop() = 0;
};

/// Opens accounts for one loop.
class Store {
 public:
  virtual ~Store() = default;
  /// `folder`: the account's folder (O_PATH will do), from auth or opened by the spool. Made ready when empty: INBOX and the
  /// mailboxes of RFC 6154 (Drafts, Sent, Trash, Junk, Archive), all subscribed to.
  [[nodiscard]] virtual Task<Result<std::shared_ptr<Account>>> open(Id128 account, UniqueFd folder, Quota limits) = 0;
};

}  // namespace ostler::store
