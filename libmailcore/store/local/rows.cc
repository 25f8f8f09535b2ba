#include "libmailcore/store/local/rows.h"

#include <openssl/evp.h>

#include <array>

#include "libmailcore/store/local/index.h"
#include "libmailcore/store/octets.h"

namespace ostler::store::local {
namespace {

// Big-endian, so that keys sort as numbers do.
template <class T>
void putSorted(std::string& key, T number) {
  for (std::size_t shift = 8 * sizeof number; shift > 0; shift -= 8) key += static_cast<char>(number >> (shift - 8));
}

std::uint32_t takeSorted32(std::string_view octets) {
  std::uint32_t number = 0;
  for (const char c : octets.substr(0, 4)) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

std::array<unsigned char, 32> sha256(std::string_view octets) {
  std::array<unsigned char, 32> digest{};
  EVP_Digest(octets.data(), octets.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

[[noreturn]] void damaged(const char* what) {
  throw IndexFailure(Error::Kind::permanent, std::string("index: a damaged row: ") + what + "; rebuild it from the log");
}

void finish(const OctetReader& in, const char* what) {
  if (!in.done()) damaged(what);
}

}  // namespace

MailboxInfo MailboxRow::info() const {
  MailboxInfo out;
  out.id = id;
  out.name = name;
  out.uidValidity = uidValidity;
  out.uidNext = uidNext;
  out.highestModSeq = highestModSeq;
  out.historyStartsAt = historyStartsAt;
  out.messages = messages;
  out.unseen = unseen;
  out.deleted = deleted;
  out.octets = octets;
  out.specialUse = specialUse;
  out.keywords = keywords;
  return out;
}

std::string encodeRow(const AccountRow& row) {
  std::string out;
  for (const std::uint64_t number : {std::uint64_t{row.format}, row.modSeq, std::uint64_t{row.nextMailbox},
                                     std::uint64_t{row.lastUidValidity}, row.octets, row.messages, row.firstDelivery, row.nextDelivery}) {
    putVarint(out, number);
  }
  return out;
}

AccountRow accountRow(std::string_view octets) {
  OctetReader in(octets);
  AccountRow row;
  row.format = in.varint32();
  if (row.format != kFormatVersion) {
    throw IndexFailure(Error::Kind::permanent, "index: format " + std::to_string(row.format) + " is not the one of this program");
  }
  row.modSeq = in.varint();
  row.nextMailbox = in.varint32();
  row.lastUidValidity = in.varint32();
  row.octets = in.varint();
  row.messages = in.varint();
  row.firstDelivery = in.varint();
  row.nextDelivery = in.varint();
  finish(in, "account");
  return row;
}

std::string encodeRow(const MailboxRow& row) {
  std::string out;
  putVarint(out, row.number);
  putId(out, row.id);
  putString(out, row.name);
  for (const std::uint64_t number :
       {std::uint64_t{row.uidValidity}, std::uint64_t{row.uidNext}, row.highestModSeq, row.membersModSeq, row.historyStartsAt,
        row.historyEntries, row.messages, row.unseen, row.deleted, row.octets, static_cast<std::uint64_t>(row.specialUse),
        std::uint64_t{row.keywords.size()}}) {
    putVarint(out, number);
  }
  for (const std::string& keyword : row.keywords) putString(out, keyword);
  return out;
}

MailboxRow mailboxRow(std::string_view octets) {
  OctetReader in(octets);
  MailboxRow row;
  row.number = in.varint32();
  row.id = in.id();
  row.name = std::string(in.string());
  row.uidValidity = in.varint32();
  row.uidNext = in.varint32();
  row.highestModSeq = in.varint();
  row.membersModSeq = in.varint();
  row.historyStartsAt = in.varint();
  row.historyEntries = in.varint();
  row.messages = in.varint();
  row.unseen = in.varint();
  row.deleted = in.varint();
  row.octets = in.varint();
  row.specialUse = static_cast<SpecialUse>(in.varint());
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) row.keywords.emplace_back(in.string());
  finish(in, "mailbox");
  return row;
}

std::string encodeRow(const MailRow& row) {
  std::string out;
  out.reserve(96 + row.threadKeys.size() + row.texts.size());
  const ContentPlace& place = row.place;
  out += static_cast<char>(place.kind);
  for (const std::uint64_t number : {place.record.segment, place.record.offset, place.headLength, place.tailLength}) putVarint(out, number);
  if (place.kind == ContentKind::file) {
    for (const std::uint64_t number : {place.fileOffset, place.fileLength, std::uint64_t{place.fileCrc}}) putVarint(out, number);
  }
  out += static_cast<char>(row.traits);
  putId(out, row.threadId);
  putString(out, row.uidl);
  putVarint(out, row.threadKeys.size() / sizeof(std::uint64_t));
  out += row.threadKeys;
  putVarint(out, row.preparedVersion);
  if (row.preparedVersion != 0) out += row.texts;
  return out;
}

MailRow mailRow(std::string_view octets) {
  OctetReader in(octets);
  MailRow row;
  row.place.kind = static_cast<ContentKind>(in.fixed<std::uint8_t>());
  row.place.record.segment = in.varint();
  row.place.record.offset = in.varint();
  row.place.headLength = in.varint();
  row.place.tailLength = in.varint();
  if (row.place.kind == ContentKind::file) {
    row.place.fileOffset = in.varint();
    row.place.fileLength = in.varint();
    row.place.fileCrc = in.varint32();
  }
  row.traits = in.fixed<std::uint8_t>();
  row.threadId = in.id();
  row.uidl = in.string();
  const std::uint64_t keys = in.varint();
  row.threadKeys = in.bytes(keys <= octets.size() ? keys * sizeof(std::uint64_t) : octets.size());
  row.preparedVersion = static_cast<std::uint16_t>(in.varint());
  if (row.preparedVersion != 0) row.texts = in.bytes(in.rest().size());
  finish(in, "mail");
  return row;
}

// The lengths first: who wants one text need not touch the others, which are far apart for a processor.
std::string packTexts(const MailTexts& texts) {
  std::string out;
  out.reserve(8 + texts.envelope.size() + texts.body.size() + texts.bodyStructure.size());
  for (const std::string_view text : {texts.envelope, texts.body, texts.bodyStructure}) putVarint(out, text.size());
  for (const std::string_view text : {texts.envelope, texts.body, texts.bodyStructure}) out += text;
  return out;
}

MailTexts mailTexts(std::string_view packed) {
  OctetReader in(packed);
  const std::uint64_t envelope = in.varint();
  const std::uint64_t body = in.varint();
  const std::uint64_t bodyStructure = in.varint();
  MailTexts texts;
  texts.envelope = in.bytes(envelope);
  texts.body = in.bytes(body);
  texts.bodyStructure = in.bytes(bodyStructure);
  finish(in, "texts");
  return texts;
}

std::string encodeRow(const TextRow& row) {
  std::string out;
  putVarint(out, row.preparedVersion);
  out += row.text;
  return out;
}

TextRow textRow(std::string_view octets) {
  OctetReader in(octets);
  TextRow row;
  row.preparedVersion = static_cast<std::uint16_t>(in.varint());
  row.text = in.bytes(in.rest().size());
  finish(in, "text");
  return row;
}

std::string encodeRow(const DeliveryRow& row) {
  std::string out;
  putId(out, row.mailbox);
  putVarint(out, row.uidValidity);
  putVarint(out, row.uid.value);
  return out;
}

DeliveryRow deliveryRow(std::string_view octets) {
  OctetReader in(octets);
  DeliveryRow row;
  row.mailbox = in.id();
  row.uidValidity = in.varint32();
  row.uid.value = in.varint32();
  finish(in, "delivery");
  return row;
}

std::string encodeRow(const SegmentRow& row) {
  std::string out;
  putVarint(out, row.live);
  putVarint(out, row.total);
  return out;
}

SegmentRow segmentRow(std::string_view octets) {
  OctetReader in(octets);
  SegmentRow row;
  row.live = in.varint();
  row.total = in.varint();
  finish(in, "segment");
  return row;
}

std::string encodeRow(const ThreadRow& row) {
  std::string out;
  putId(out, row.threadId);
  putVarint(out, row.users);
  return out;
}

ThreadRow threadRow(std::string_view octets) {
  OctetReader in(octets);
  ThreadRow row;
  row.threadId = in.id();
  row.users = in.varint();
  finish(in, "thread");
  return row;
}

std::string encodeRow(const journal::LogEnd& end) {
  std::string out;
  for (const std::uint64_t number : {end.segment, end.offset, std::uint64_t{end.link}, end.nextBatch}) putVarint(out, number);
  return out;
}

journal::LogEnd logEndRow(std::string_view octets) {
  OctetReader in(octets);
  journal::LogEnd end;
  end.segment = in.varint();
  end.offset = in.varint();
  end.link = in.varint32();
  end.nextBatch = in.varint();
  finish(in, "log end");
  return end;
}

std::string mailboxKey(MailboxNumber number) {
  std::string key = "b";
  putSorted(key, number);
  return key;
}
std::string mailboxIdKey(const MailboxId& id) { return "i" + std::string(id.octets()); }
std::string mailboxNameKey(std::string_view name) { return "n" + std::string(name); }
std::string subscriptionKey(std::string_view name) { return "s" + std::string(name); }
std::string historyKey(MailboxNumber number, ModSeq modSeq) {
  std::string key = "x";
  putSorted(key, number);
  putSorted(key, modSeq);
  return key;
}
std::string deliveryKey(std::string_view deliveryId) {
  const auto digest = sha256(deliveryId);
  return "k" + std::string(reinterpret_cast<const char*>(digest.data()), 16);
}
std::string deliveryOrderKey(std::uint64_t order) {
  std::string key = "o";
  putSorted(key, order);
  return key;
}
std::string threadKey(std::uint64_t hash) {
  std::string key = "t";
  putSorted(key, hash);
  return key;
}
std::string copiesKey(const EmailId& id) { return "r" + std::string(id.octets()); }
std::string segmentKey(std::uint64_t segment) {
  std::string key = "g";
  putSorted(key, segment);
  return key;
}

Table tableOfStateKey(std::string_view key) {
  constexpr std::string_view kKnown = "xkotr";
  return !key.empty() && kKnown.find(key.front()) != std::string_view::npos ? Table::known : Table::state;
}

std::uint64_t threadHash(std::string_view messageId) {
  const auto digest = sha256(messageId);  // not guessable into collisions by a stranger who chooses message ids
  std::uint64_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

std::string chunkKey(Column column, MailboxNumber number, std::uint32_t firstUid) {
  std::string key(1, static_cast<char>(column));
  putSorted(key, number);
  putSorted(key, firstUid);
  return key;
}

std::optional<ChunkKey> parseChunkKey(std::string_view key) {
  if (key.size() != 9 || (key[0] != 'c' && key[0] != 'd')) return std::nullopt;
  return ChunkKey{static_cast<Column>(key[0]), takeSorted32(key.substr(1)), takeSorted32(key.substr(5))};
}

}  // namespace ostler::store::local
