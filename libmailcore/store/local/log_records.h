// log_records.h - what the log of an account says: one struct per record type, to and from octets. Pure.
// Is not: what a record does to the index; see apply.h. The grammar stands in FORMAT.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "libmailcore/base/result.h"
#include "libmailcore/store/store.h"

namespace ostler::store::local {

inline constexpr std::uint32_t kFormatVersion = 1;  ///< in segment headers and in the index
/// What whoever meets a later one says.
[[nodiscard]] inline Error newerVersion() {
  return {Error::Kind::permanent, "store: written by a newer version of this program; use that one"};
}

/// Mailboxes have a short number beside their id: it is in every key of the index. Never given again.
using MailboxNumber = std::uint32_t;

struct MailboxMade {
  static constexpr std::uint16_t kType = 1;
  MailboxNumber number = 0;
  MailboxId id;
  std::string name;
  std::uint32_t uidValidity = 0;
  SpecialUse specialUse = SpecialUse::none;
  ModSeq modSeq = 0;
  bool operator==(const MailboxMade&) const = default;
};

struct MailboxDeleted {
  static constexpr std::uint16_t kType = 2;
  MailboxNumber number = 0;
  ModSeq modSeq = 0;
  bool operator==(const MailboxDeleted&) const = default;
};

struct MailboxRenamed {
  static constexpr std::uint16_t kType = 3;
  MailboxNumber number = 0;
  std::string name;
  ModSeq modSeq = 0;
  bool operator==(const MailboxRenamed&) const = default;
};

struct Subscribed {
  static constexpr std::uint16_t kType = 4;
  std::string name;
  bool subscribed = false;
  bool operator==(const Subscribed&) const = default;
};

/// The first new keyword takes the first free bit of the mailbox, and so on.
struct KeywordsAdded {
  static constexpr std::uint16_t kType = 5;
  MailboxNumber mailbox = 0;
  std::vector<std::string> keywords;
  bool operator==(const KeywordsAdded&) const = default;
};

/// Where the octets of an arrived message are.
enum class ContentKind : std::uint8_t {
  here = 0,   ///< at the end of the record
  file = 1,   ///< the prefix at the end of the record, the rest in the file `EMAILID.msg` of the log folder
  known = 2,  ///< the account has this email id already
};

struct Arrival {
  static constexpr std::uint16_t kType = 6;
  MailboxNumber mailbox = 0;
  Uid uid;
  ModSeq modSeq = 0;
  EmailId emailId;
  EmailId threadId;
  std::int64_t internalDate = 0;
  std::int64_t saveDate = 0;
  std::uint64_t flags = 0;
  std::string deliveryId;
  std::string uidl;  ///< empty: made from the email id
  ContentKind kind = ContentKind::here;
  std::uint64_t fileOffset = 0;  ///< kind file: where its part of the content starts there ...
  std::uint64_t fileLength = 0;  ///< ... how long that is ...
  std::uint32_t fileCrc = 0;     ///< ... and its CRC32C
  std::string_view tail;         ///< kind here: the content; kind file: its prefix. The end of the record
  bool operator==(const Arrival&) const = default;
};

struct FlagsWritten {
  static constexpr std::uint16_t kType = 7;
  MailboxNumber mailbox = 0;
  ModSeq modSeq = 0;
  FlagsOperation::Kind kind = FlagsOperation::Kind::add;
  std::uint64_t flags = 0;
  UidSet uids;  ///< those whose flags are different now, and no other
  bool operator==(const FlagsWritten&) const = default;
};

/// What a message's flags are after such a change.
[[nodiscard]] inline std::uint64_t flagsAfter(FlagsOperation::Kind kind, std::uint64_t flags, std::uint64_t before) {
  switch (kind) {
    case FlagsOperation::Kind::replace: return flags;
    case FlagsOperation::Kind::add: return before | flags;
    case FlagsOperation::Kind::remove: return before & ~flags;
  }
  return before;
}

struct Expunged {
  static constexpr std::uint16_t kType = 8;
  MailboxNumber mailbox = 0;
  ModSeq modSeq = 0;
  UidSet uids;  ///< those that were there
  bool operator==(const Expunged&) const = default;
};

struct CopiedTo {
  static constexpr std::uint16_t kType = 9;
  MailboxNumber from = 0;
  MailboxNumber to = 0;
  ModSeq modSeq = 0;
  std::int64_t saveDate = 0;
  bool moved = false;  ///< they leave the source
  UidSet uids;         ///< those that were there; in the target they follow each other from its UIDNEXT
  std::vector<std::uint8_t> keywordBits;  ///< bit of the target for each keyword of the source
  bool operator==(const CopiedTo&) const = default;
};

/// Compaction: the content lies here from now on.
struct ContentMoved {
  static constexpr std::uint16_t kType = 10;
  EmailId emailId;
  std::string_view tail;
  bool operator==(const ContentMoved&) const = default;
};

/// A snapshot: all that the index says, so that what is before it in the log may go. It changes nothing.
struct SnapshotBegun {
  static constexpr std::uint16_t kType = 11;
  Id128 id;
  bool operator==(const SnapshotBegun&) const = default;
};

struct SnapshotPart {
  static constexpr std::uint16_t kType = 12;
  Id128 id;
  struct Pair {
    std::uint8_t table = 0;
    std::string_view key;
    std::string_view value;
    bool operator==(const Pair&) const = default;
  };
  std::vector<Pair> pairs;
  bool operator==(const SnapshotPart&) const = default;
};

struct SnapshotEnded {
  static constexpr std::uint16_t kType = 13;
  Id128 id;
  std::uint64_t parts = 0;
  bool operator==(const SnapshotEnded&) const = default;
};

using LogRecord = std::variant<MailboxMade, MailboxDeleted, MailboxRenamed, Subscribed, KeywordsAdded, Arrival, FlagsWritten, Expunged,
                               CopiedTo, ContentMoved, SnapshotBegun, SnapshotPart, SnapshotEnded>;

[[nodiscard]] std::string encode(const LogRecord& record);
[[nodiscard]] std::uint16_t typeOf(const LogRecord& record);
/// Views point into `content`. Errors: permanent (of no type we know, or not of its type's form).
[[nodiscard]] Result<LogRecord> decode(std::uint16_t type, std::string_view content);

}  // namespace ostler::store::local
