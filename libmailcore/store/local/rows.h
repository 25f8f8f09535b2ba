// rows.h - the keys and values of the index, laid out. Pure. The grammar stands in FORMAT.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/journal/segment.h"
#include "libmailcore/store/local/log_records.h"

namespace ostler::store::local {

/// Key "A". What belongs to the account as a whole.
struct AccountRow {
  std::uint32_t format = kFormatVersion;
  ModSeq modSeq = 1;
  MailboxNumber nextMailbox = 1;
  std::uint32_t lastUidValidity = 0;
  std::uint64_t octets = 0;    ///< of all messages of all mailboxes: the quota counters
  std::uint64_t messages = 0;
  std::uint64_t firstDelivery = 1;  ///< delivery ids remembered: [firstDelivery, nextDelivery)
  std::uint64_t nextDelivery = 1;
  bool operator==(const AccountRow&) const = default;
};

/// Key "b" number.
struct MailboxRow {
  MailboxNumber number = 0;
  MailboxId id;
  std::string name;
  std::uint32_t uidValidity = 0;
  std::uint32_t uidNext = 1;
  ModSeq highestModSeq = 1;
  ModSeq membersModSeq = 1;  ///< of the last arrival or expunge
  ModSeq historyStartsAt = 0;
  std::uint64_t historyEntries = 0;
  std::uint64_t messages = 0;
  std::uint64_t unseen = 0;
  std::uint64_t deleted = 0;
  std::uint64_t octets = 0;
  SpecialUse specialUse = SpecialUse::none;
  std::vector<std::string> keywords;
  bool operator==(const MailboxRow&) const = default;
  [[nodiscard]] MailboxInfo info() const;
};

/// Where the octets of a message are.
struct ContentPlace {
  ContentKind kind = ContentKind::here;
  journal::Position record;
  std::uint64_t headLength = 0;  ///< octets of the record's content before the message (kind here) or the prefix (kind file)
  std::uint64_t tailLength = 0;  ///< of the message or the prefix
  std::uint64_t fileOffset = 0;
  std::uint64_t fileLength = 0;
  std::uint32_t fileCrc = 0;
  [[nodiscard]] std::uint64_t size() const { return tailLength + fileLength; }
  bool operator==(const ContentPlace&) const = default;
};

/// Key (in table mail) email id. Views point into what was decoded.
struct MailRow {
  ContentPlace place;
  std::uint8_t traits = 0;
  EmailId threadId;
  std::string_view uidl;                  ///< empty: made from the email id
  std::string_view threadKeys;        ///< threadHash() of the message ids it added to the threads, 8 octets each
  std::uint16_t preparedVersion = 0;  ///< of the texts and of the summary; 0: too large to be kept, rendered on demand
  std::string_view texts;             ///< packed: see MailTexts
};

/// What FETCH sends of a message as it stands here.
struct MailTexts {
  std::string_view envelope;
  std::string_view body;
  std::string_view bodyStructure;
};

/// Key (in tables subject and summary) email id. There when the mail row has texts.
struct TextRow {
  std::uint16_t preparedVersion = 0;
  std::string_view text;
};

/// Key "k" hash.
struct DeliveryRow {
  MailboxId mailbox;
  std::uint32_t uidValidity = 0;
  Uid uid;
};

/// Key "g" segment: octets of content that arrived there, and of them those still needed.
struct SegmentRow {
  std::uint64_t live = 0;
  std::uint64_t total = 0;
};

/// Key "t" hash.
struct ThreadRow {
  EmailId threadId;
  std::uint64_t users = 0;
};

[[nodiscard]] std::string encodeRow(const AccountRow& row);
[[nodiscard]] std::string encodeRow(const MailboxRow& row);
[[nodiscard]] std::string encodeRow(const MailRow& row);
[[nodiscard]] std::string packTexts(const MailTexts& texts);
[[nodiscard]] std::string encodeRow(const TextRow& row);
[[nodiscard]] std::string encodeRow(const DeliveryRow& row);
[[nodiscard]] std::string encodeRow(const SegmentRow& row);
[[nodiscard]] std::string encodeRow(const ThreadRow& row);
[[nodiscard]] std::string encodeRow(const journal::LogEnd& end);
/// Throw IndexFailure (permanent) for what is no such row.
[[nodiscard]] AccountRow accountRow(std::string_view octets);
[[nodiscard]] MailboxRow mailboxRow(std::string_view octets);
[[nodiscard]] MailRow mailRow(std::string_view octets);
[[nodiscard]] MailTexts mailTexts(std::string_view packed);
[[nodiscard]] TextRow textRow(std::string_view octets);
[[nodiscard]] DeliveryRow deliveryRow(std::string_view octets);
[[nodiscard]] SegmentRow segmentRow(std::string_view octets);
[[nodiscard]] ThreadRow threadRow(std::string_view octets);
[[nodiscard]] journal::LogEnd logEndRow(std::string_view octets);

inline constexpr std::string_view kAccountKey = "A";
inline constexpr std::string_view kLogEndKey = "L";  ///< the place in the log up to which the index has everything
[[nodiscard]] std::string mailboxKey(MailboxNumber number);
[[nodiscard]] std::string mailboxIdKey(const MailboxId& id);
[[nodiscard]] std::string mailboxNameKey(std::string_view name);
[[nodiscard]] std::string subscriptionKey(std::string_view name);
[[nodiscard]] std::string historyKey(MailboxNumber number, ModSeq modSeq);
[[nodiscard]] std::string deliveryKey(std::string_view deliveryId);
[[nodiscard]] std::string deliveryOrderKey(std::uint64_t order);
[[nodiscard]] std::string threadKey(std::uint64_t hash);
[[nodiscard]] std::string copiesKey(const EmailId& id);
[[nodiscard]] std::string segmentKey(std::uint64_t segment);
[[nodiscard]] std::uint64_t threadHash(std::string_view messageId);

enum class Table : std::uint8_t;  // index.h
/// The table of a row that older snapshots have in state.
[[nodiscard]] Table tableOfStateKey(std::string_view key);

enum class Column : char { state = 'c', detail = 'd' };
/// Of table columns: column, mailbox, first UID.
[[nodiscard]] std::string chunkKey(Column column, MailboxNumber number, std::uint32_t firstUid);
struct ChunkKey {
  Column column = Column::state;
  MailboxNumber mailbox = 0;
  std::uint32_t firstUid = 0;
};
[[nodiscard]] std::optional<ChunkKey> parseChunkKey(std::string_view key);

}  // namespace ostler::store::local
