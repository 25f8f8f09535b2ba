#include "libmailcore/store/local/log_records.h"

#include "libmailcore/store/octets.h"

namespace ostler::store::local {
namespace {

// One function `fields` per record type lists its fields in order; encoding and decoding both walk it.

struct Encoder {
  std::string& out;
  void operator()(std::uint32_t value) { putVarint(out, value); }
  void operator()(std::uint64_t value) { putVarint(out, value); }
  void operator()(std::int64_t value) { putVarint(out, zigzag(value)); }
  void operator()(bool value) { out += value ? '\1' : '\0'; }
  void operator()(const Uid& uid) { putVarint(out, uid.value); }
  void operator()(const Id128& id) { putId(out, id); }
  void operator()(const std::string& text) { putString(out, text); }
  void operator()(SpecialUse use) { out += static_cast<char>(use); }
  void operator()(ContentKind kind) { out += static_cast<char>(kind); }
  void operator()(FlagsOperation::Kind kind) { out += static_cast<char>(kind); }
  void operator()(const std::vector<std::string>& list) {
    putVarint(out, list.size());
    for (const std::string& one : list) putString(out, one);
  }
  void operator()(const std::vector<std::uint8_t>& list) {
    putVarint(out, list.size());
    for (const std::uint8_t one : list) out += static_cast<char>(one);
  }
  void operator()(const UidSet& set) { putUids(out, set); }
  void operator()(const std::vector<SnapshotPart::Pair>& pairs) {
    putVarint(out, pairs.size());
    for (const SnapshotPart::Pair& pair : pairs) {
      out += static_cast<char>(pair.table);
      putString(out, pair.key);
      putString(out, pair.value);
    }
  }
  void tail(std::string_view octets) { out += octets; }
};

struct Decoder {
  OctetReader in;
  void operator()(std::uint32_t& value) { value = in.varint32(); }
  void operator()(std::uint64_t& value) { value = in.varint(); }
  void operator()(std::int64_t& value) { value = unzigzag(in.varint()); }
  void operator()(bool& value) { value = upTo(1) == 1; }
  void operator()(Uid& uid) { uid.value = in.varint32(); }
  void operator()(Id128& id) { id = in.id(); }
  void operator()(std::string& text) { text = std::string(in.string()); }
  void operator()(SpecialUse& use) { use = static_cast<SpecialUse>(upTo(static_cast<std::uint8_t>(SpecialUse::trash))); }
  void operator()(ContentKind& kind) { kind = static_cast<ContentKind>(upTo(2)); }
  void operator()(FlagsOperation::Kind& kind) { kind = static_cast<FlagsOperation::Kind>(upTo(2)); }
  void operator()(std::vector<std::string>& list) {
    for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) list.emplace_back(in.string());
  }
  void operator()(std::vector<std::uint8_t>& list) {
    for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) list.push_back(in.fixed<std::uint8_t>());
  }
  void operator()(UidSet& set) { set = takeUids(in); }
  void operator()(std::vector<SnapshotPart::Pair>& pairs) {
    for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
      const auto table = in.fixed<std::uint8_t>();
      const std::string_view key = in.string();
      pairs.push_back({table, key, in.string()});
    }
  }
  void tail(std::string_view& octets) {
    octets = in.rest();
    (void)in.bytes(octets.size());
  }
  std::uint8_t upTo(std::uint8_t most) {
    const auto value = in.fixed<std::uint8_t>();
    if (value > most) in.spoil();
    return value;
  }
};

template <class Walk, class R>
void fields(Walk& walk, R& r) requires std::is_same_v<std::remove_const_t<R>, MailboxMade> {
  walk(r.number), walk(r.id), walk(r.name), walk(r.uidValidity), walk(r.specialUse), walk(r.modSeq);
}
template <class Walk, class R>
void fields(Walk& walk, R& r) requires std::is_same_v<std::remove_const_t<R>, MailboxDeleted> {
  walk(r.number), walk(r.modSeq);
}
template <class Walk, class R>
void fields(Walk& walk, R& r) requires std::is_same_v<std::remove_const_t<R>, MailboxRenamed> {
  walk(r.number), walk(r.name), walk(r.modSeq);
}
template <class Walk, class R>
void fields(Walk& walk, R& r) requires std::is_same_v<std::remove_const_t<R>, Subscribed> {
  walk(r.name), walk(r.subscribed);
}
template <class Walk, class R>
void fields(Walk& walk, R& r) requires std::is_same_v<std::remove_const_t<R>, KeywordsAdded> {
  walk(r.mailbox), walk(r.keywords);
}
template <class Walk, class R>
void fields(Walk& walk, R& r) requires std::is_same_v<std::remove_const_t<R>, Arrival> {
  walk(r.mailbox), walk(r.uid), walk(r.modSeq), walk(r.emailId), walk(r.threadId), walk(r.internalDate), walk(r.saveDate);
  walk(r.flags), walk(r.deliveryId), walk(r.uidl), walk(r.kind);
  if (r.kind == ContentKind::file) walk(r.fileOffset), walk(r.fileLength), walk(r.fileCrc);
  walk.tail(r.tail);
}
template <class Walk, class R>
void fields(Walk& walk, R& r) requires std::is_same_v<std::remove_const_t<R>, FlagsWritten> {
  walk(r.mailbox), walk(r.modSeq), walk(r.kind), walk(r.flags), walk(r.uids);
}
template <class Walk, class R>
void fields(Walk& walk, R& r) requires std::is_same_v<std::remove_const_t<R>, Expunged> {
  walk(r.mailbox), walk(r.modSeq), walk(r.uids);
}
template <class Walk, class R>
void fields(Walk& walk, R& r) requires std::is_same_v<std::remove_const_t<R>, CopiedTo> {
  walk(r.from), walk(r.to), walk(r.modSeq), walk(r.saveDate), walk(r.moved), walk(r.uids), walk(r.keywordBits);
}
template <class Walk, class R>
void fields(Walk& walk, R& r) requires std::is_same_v<std::remove_const_t<R>, ContentMoved> {
  walk(r.emailId), walk.tail(r.tail);
}
template <class Walk, class R>
void fields(Walk& walk, R& r) requires std::is_same_v<std::remove_const_t<R>, SnapshotBegun> {
  walk(r.id);
}
template <class Walk, class R>
void fields(Walk& walk, R& r) requires std::is_same_v<std::remove_const_t<R>, SnapshotPart> {
  walk(r.id), walk(r.pairs);
}
template <class Walk, class R>
void fields(Walk& walk, R& r) requires std::is_same_v<std::remove_const_t<R>, SnapshotEnded> {
  walk(r.id), walk(r.parts);
}

template <std::size_t At = 0>
Result<LogRecord> decodeAs(std::uint16_t type, std::string_view content) {
  if constexpr (At == std::variant_size_v<LogRecord>) {
    return fail(Error::Kind::permanent, "log: a record of unknown type " + std::to_string(type));
  } else {
    using R = std::variant_alternative_t<At, LogRecord>;
    if (type != R::kType) return decodeAs<At + 1>(type, content);
    R record;
    Decoder walk{OctetReader(content)};
    fields(walk, record);
    if (!walk.in.done()) return fail(Error::Kind::permanent, "log: a record of type " + std::to_string(type) + " is malformed");
    return LogRecord(std::move(record));
  }
}

}  // namespace

std::string encode(const LogRecord& record) {
  std::string out;
  std::visit(
      [&out](const auto& one) {
        Encoder walk{out};
        fields(walk, one);
      },
      record);
  return out;
}

std::uint16_t typeOf(const LogRecord& record) {
  return std::visit([](const auto& one) { return std::remove_cvref_t<decltype(one)>::kType; }, record);
}

Result<LogRecord> decode(std::uint16_t type, std::string_view content) { return decodeAs<0>(type, content); }

}  // namespace ostler::store::local
