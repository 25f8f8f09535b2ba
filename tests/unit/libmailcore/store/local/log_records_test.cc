#include "libmailcore/store/local/log_records.h"

#include <catch2/catch.hpp>

#include "libmailcore/store/local/chunk.h"
#include "libmailcore/store/local/index.h"
#include "libmailcore/store/local/rows.h"
#include "libmailcore/store/octets.h"

namespace ostler::store::local {
namespace {

Id128 id(int n) { return Id128::make(WallTime(std::chrono::seconds(n))); }

TEST_CASE("a mail row and its texts come back as they were, and cut short they are refused") {
  std::string keys;
  putFixed(keys, std::uint64_t{1} << 63);
  putFixed(keys, std::uint64_t{7});
  const std::string texts = packTexts({std::string(300, 'e'), "", "(structure)"});
  MailRow row;
  row.threadId = id(3);
  row.uidl = "old";
  row.threadKeys = keys;
  row.preparedVersion = 1;
  row.texts = texts;
  const std::string octets = encodeRow(row);
  const MailRow back = mailRow(octets);
  CHECK(back.threadId == row.threadId);
  CHECK(back.uidl == "old");
  CHECK(back.threadKeys == keys);
  CHECK(mailTexts(back.texts).envelope == std::string(300, 'e'));
  CHECK(mailTexts(back.texts).body.empty());
  CHECK(mailTexts(back.texts).bodyStructure == "(structure)");
  for (std::size_t length = 0; length < texts.size(); ++length) {
    CHECK_THROWS_AS(mailTexts(std::string_view(texts).substr(0, length)), IndexFailure);
  }
}

TEST_CASE("a chunk in which every message is in another's thread comes back") {
  DetailChunk chunk;
  chunk.count = kChunkMessages;
  std::vector<EmailId> threads;
  for (int at = 0; at < 100; ++at) threads.push_back(id(at));
  for (std::size_t at = 0; at < chunk.count; ++at) {
    chunk.rows[at].emailId = id(1'000);
    chunk.rows[at].threadId = threads[at % threads.size()];
  }
  DetailChunk back;
  REQUIRE(decodeDetail(encodeDetail(chunk), back));
  for (std::size_t at = 0; at < chunk.count; ++at) CHECK(back.rows[at].threadId == chunk.rows[at].threadId);
}

TEST_CASE("every log record comes back as it was") {
  const UidSet uids = UidSet::fromRanges({{Uid{1}, Uid{5}}, {Uid{9}, Uid{9}}, {Uid{4'000'000'000}, Uid{UINT32_MAX}}});
  const std::vector<LogRecord> records = {
      MailboxMade{7, id(1), "a/b", 1234, SpecialUse::junk, 99},
      MailboxDeleted{7, 100},
      MailboxRenamed{7, "c", 101},
      Subscribed{"a/b", true},
      KeywordsAdded{7, {"$Forwarded", "x"}},
      Arrival{7, Uid{12}, 102, id(2), id(3), -5, 1'700'000'000, 0x8000000000000001, "delivery", "", ContentKind::here, 0, 0, 0, "content"},
      Arrival{7, Uid{13}, 102, id(2), id(3), 0, 0, 0, "", "uidl", ContentKind::file, 10, 1'000'000, 0xFFFFFFFF, "prefix"},
      FlagsWritten{7, 103, FlagsOperation::Kind::remove, Flags::kSeen, uids},
      Expunged{7, 104, uids},
      CopiedTo{7, 8, 105, 1, true, uids, {5, 255, 63}},
      ContentMoved{id(4), "moved"},
      SnapshotBegun{id(5)},
      SnapshotPart{id(5), {{1, "key", "value"}, {3, "", ""}}},
      SnapshotEnded{id(5), 1},
  };
  for (const LogRecord& record : records) {
    const std::string octets = encode(record);
    const auto back = decode(typeOf(record), octets);
    REQUIRE(back);
    CHECK((*back == record));
  }
}

TEST_CASE("a log record cut short anywhere is refused") {
  const std::string octets = encode(Expunged{7, 104, UidSet::of({Uid{300}, Uid{900}})});
  for (std::size_t length = 0; length < octets.size(); ++length) CHECK_FALSE(decode(Expunged::kType, octets.substr(0, length)));
  CHECK_FALSE(decode(Expunged::kType, octets + "x"));
  CHECK_FALSE(decode(99, octets));
}

TEST_CASE("UID runs that touch or go back are refused") {
  CHECK_FALSE(decode(Expunged::kType, std::string("\x01\x01\x02\x01\x00\x01\x00", 7)));  // 1, then 2: should be one run
  CHECK_FALSE(decode(Expunged::kType, std::string("\x01\x01\x01\x00\x00", 5)));          // UID 0
}

TEST_CASE("a chunk comes back with its extremes") {
  StateChunk state;
  DetailChunk detail;
  for (std::size_t at = 0; at < kChunkMessages; ++at) {
    state.uids[at] = static_cast<std::uint32_t>(UINT32_MAX - kChunkMessages + at + 1);
    state.flags[at] = at % 2 == 0 ? 0 : ~std::uint64_t{0};
    state.modSeqs[at] = at == 5 ? UINT64_MAX / 2 : at;
    detail.rows[at] = {at == 3 ? INT64_MIN : static_cast<std::int64_t>(at), 7, at * 1'000'000'000, id(1), at % 3 == 0 ? id(2) : id(1), 15};
    detail.rows[at].emailId = id(static_cast<int>(at));
    if (at % 3 != 0) detail.rows[at].threadId = detail.rows[at].emailId;
  }
  state.count = detail.count = kChunkMessages;
  StateChunk stateBack;
  DetailChunk detailBack;
  const std::uint32_t first = state.uids[0];
  REQUIRE(decodeState(encodeState(state, first), first, stateBack));
  REQUIRE(decodeDetail(encodeDetail(detail), detailBack));
  CHECK((stateBack.uids == state.uids));
  CHECK((stateBack.flags == state.flags));
  CHECK((stateBack.modSeqs == state.modSeqs));
  CHECK(highestModSeqOf(encodeState(state, first)) == UINT64_MAX / 2);
  for (std::size_t at = 0; at < kChunkMessages; ++at) {
    CHECK(detailBack.rows[at].internalDate == detail.rows[at].internalDate);
    CHECK(detailBack.rows[at].size == detail.rows[at].size);
    CHECK(detailBack.rows[at].threadId == detail.rows[at].threadId);
  }
}

TEST_CASE("keys of chunks sort by mailbox, then by UID") {
  CHECK(chunkKey(Column::state, 1, 300) < chunkKey(Column::state, 1, 301));
  CHECK(chunkKey(Column::state, 1, UINT32_MAX) < chunkKey(Column::state, 2, 1));
  CHECK(parseChunkKey(chunkKey(Column::detail, 258, 70'000))->firstUid == 70'000);
  CHECK_FALSE(parseChunkKey("cshort"));
}

}  // namespace
}  // namespace ostler::store::local
