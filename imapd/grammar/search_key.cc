#include "imapd/grammar/search_key.h"

#include <algorithm>
#include <array>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/date_time.h"
#include "libmailcore/store/store.h"

namespace ostler::imap {
namespace {

using Kind = SearchKey::Kind;
using store::Flags;

constexpr unsigned kMaxDepth = 100;
constexpr std::size_t kMaxKeys = 5'000;

/// What follows a key's name.
enum class Operand {
  nothing,
  flag,
  keyword,
  unkeyword,
  string,
  day,
  number,
  interval,
  header,
  uidSet,
  modSeq,
  objectId
};

struct Row {
  std::string_view name;
  Operand operand;
  Kind kind;
  std::uint64_t bit = 0;
};

constexpr std::array kRows = {
    Row{"ALL", Operand::nothing, Kind::all},
    Row{"ANSWERED", Operand::flag, Kind::flagSet, Flags::kAnswered},
    Row{"BCC", Operand::string, Kind::bcc},
    Row{"BEFORE", Operand::day, Kind::arrivedBefore},
    Row{"BODY", Operand::string, Kind::body},
    Row{"CC", Operand::string, Kind::cc},
    Row{"DELETED", Operand::flag, Kind::flagSet, Flags::kDeleted},
    Row{"DRAFT", Operand::flag, Kind::flagSet, Flags::kDraft},
    Row{"EMAILID", Operand::objectId, Kind::emailId},
    Row{"FLAGGED", Operand::flag, Kind::flagSet, Flags::kFlagged},
    Row{"FROM", Operand::string, Kind::from},
    Row{"HEADER", Operand::header, Kind::header},
    Row{"KEYWORD", Operand::keyword, Kind::keyword},
    Row{"LARGER", Operand::number, Kind::larger},
    Row{"MODSEQ", Operand::modSeq, Kind::modSeq},
    Row{"NEW", Operand::nothing, Kind::none},
    Row{"OLD", Operand::nothing, Kind::all},
    Row{"OLDER", Operand::interval, Kind::older},
    Row{"ON", Operand::day, Kind::arrivedOn},
    Row{"RECENT", Operand::nothing, Kind::none},
    Row{"SAVEDATESUPPORTED", Operand::nothing, Kind::all},
    Row{"SAVEDBEFORE", Operand::day, Kind::savedBefore},
    Row{"SAVEDON", Operand::day, Kind::savedOn},
    Row{"SAVEDSINCE", Operand::day, Kind::savedSince},
    Row{"SEEN", Operand::flag, Kind::flagSet, Flags::kSeen},
    Row{"SENTBEFORE", Operand::day, Kind::sentBefore},
    Row{"SENTON", Operand::day, Kind::sentOn},
    Row{"SENTSINCE", Operand::day, Kind::sentSince},
    Row{"SINCE", Operand::day, Kind::arrivedSince},
    Row{"SMALLER", Operand::number, Kind::smaller},
    Row{"SUBJECT", Operand::string, Kind::subject},
    Row{"TEXT", Operand::string, Kind::text},
    Row{"THREADID", Operand::objectId, Kind::threadId},
    Row{"TO", Operand::string, Kind::to},
    Row{"UID", Operand::uidSet, Kind::uid},
    Row{"UNANSWERED", Operand::flag, Kind::flagClear, Flags::kAnswered},
    Row{"UNDELETED", Operand::flag, Kind::flagClear, Flags::kDeleted},
    Row{"UNDRAFT", Operand::flag, Kind::flagClear, Flags::kDraft},
    Row{"UNFLAGGED", Operand::flag, Kind::flagClear, Flags::kFlagged},
    Row{"UNKEYWORD", Operand::unkeyword, Kind::keyword},
    Row{"UNSEEN", Operand::flag, Kind::flagClear, Flags::kSeen},
    Row{"YOUNGER", Operand::interval, Kind::younger},
};

SearchKey negate(SearchKey key) {
  SearchKey negated;
  negated.kind = Kind::negation;
  negated.operands.push_back(std::move(key));
  return negated;
}

class KeyReader {
 public:
  explicit KeyReader(Reader& in) : in_(in) {}

  // search-key *(SP search-key)
  SearchKey keys(unsigned depth) {
    SearchKey all;
    all.kind = Kind::both;
    do {
      all.operands.push_back(key(depth));
    } while (in_.accept(' '));
    if (all.operands.size() == 1) return SearchKey(std::move(all.operands.front()));
    return all;
  }
  [[nodiscard]] bool sawModSeq() const { return sawModSeq_; }

 private:
  SearchKey key(unsigned depth) {
    if (depth > kMaxDepth || ++count_ > kMaxKeys) {
      in_.fail("SEARCH is too complicated", Error::Kind::limit);
      return {};
    }
    if (in_.accept('(')) {
      SearchKey inner = keys(depth + 1);
      in_.expect(')');
      return inner;
    }
    const char next = in_.peek();
    if (isAsciiDigit(next) || next == '*' || next == '$') return sequence();
    const std::string name = in_.word();
    if (name == "NOT") {
      in_.space();
      return negate(key(depth + 1));
    }
    if (name == "OR") return either(depth);
    const auto row =
        std::lower_bound(kRows.begin(), kRows.end(), name, [](const Row& a, std::string_view b) { return a.name < b; });
    if (row == kRows.end() || row->name != name) {
      in_.fail("Unknown SEARCH key");
      return {};
    }
    return operand(*row);
  }

  SearchKey sequence() {
    SearchKey key;
    key.kind = Kind::sequence;
    key.set = readSequenceSet(in_);
    return key;
  }

  SearchKey either(unsigned depth) {
    SearchKey or_;
    or_.kind = Kind::either;
    in_.space();
    or_.operands.push_back(key(depth + 1));
    in_.space();
    or_.operands.push_back(key(depth + 1));
    return or_;
  }

  SearchKey operand(const Row& row) {
    SearchKey key;
    key.kind = row.kind;
    key.number = row.bit;
    if (row.operand != Operand::nothing && row.operand != Operand::flag) in_.space();
    switch (row.operand) {
      case Operand::nothing:
      case Operand::flag:
        break;
      case Operand::keyword:
        key.text = in_.atom();
        break;
      case Operand::unkeyword:
        key.text = in_.atom();
        return negate(std::move(key));
      case Operand::string:
        key.text = in_.astring();
        break;
      case Operand::objectId:
        key.text = in_.astring();
        break;
      case Operand::day:
        key.day = day();
        break;
      case Operand::number:
        key.number = in_.number64();
        break;
      case Operand::interval:
        key.number = in_.nonZeroNumber();
        break;
      case Operand::header:
        key.field = in_.astring();
        in_.space();
        key.text = in_.astring();
        break;
      case Operand::uidSet:
        key.set = readSequenceSet(in_);
        break;
      case Operand::modSeq:
        modSeq(key);
        break;
    }
    return key;
  }

  // date = date-text / DQUOTE date-text DQUOTE
  std::chrono::sys_days day() {
    const auto parsed = message::parseImapDate(in_.astring());
    if (!parsed) in_.fail("Date expected, like 1-Feb-2026");
    return parsed.value_or(std::chrono::sys_days{});
  }

  // search-modsequence = "MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer: we keep one MODSEQ a
  // message, so the entry is read and makes no difference (RFC 7162 3.1.5).
  void modSeq(SearchKey& key) {
    sawModSeq_ = true;
    if (in_.peek() == '"') {
      (void)in_.string();
      in_.space();
      (void)in_.atom();
      in_.space();
    }
    key.number = in_.number64();
  }

  Reader& in_;
  std::size_t count_ = 0;
  bool sawModSeq_ = false;
};

// search-return-opts = SP "RETURN" SP "(" [search-return-opt *(SP search-return-opt)] ")": RFC 4466 2.6.1.
SearchResultOptions readOptions(Reader& in) {
  SearchResultOptions options;
  options.given = true;
  in.space();
  in.expect('(');
  if (!in.accept(')')) {
    do {
      const std::string name = in.word();
      if (name == "MIN")
        options.min = true;
      else if (name == "MAX")
        options.max = true;
      else if (name == "ALL")
        options.all = true;
      else if (name == "COUNT")
        options.count = true;
      else if (name == "SAVE")
        options.save = true;
      else
        in.fail("Unknown SEARCH return option");
    } while (in.accept(' '));
    in.expect(')');
  }
  if (!options.min && !options.max && !options.count && !options.save) options.all = true;  // RFC 4731 3.1
  return options;
}

}  // namespace

std::vector<std::string_view> searchKeyNames() {
  std::vector<std::string_view> names;
  for (const Row& row : kRows) names.push_back(row.name);
  return names;
}

SearchArguments readSearchCriteria(Reader& in) {
  SearchArguments arguments;
  arguments.charset = in.astring();
  in.space();
  KeyReader keys(in);
  arguments.key = keys.keys(0);
  arguments.usesModSeq = keys.sawModSeq();
  in.end();
  return arguments;
}

SearchArguments readSearchArguments(Reader& in) {
  SearchArguments arguments;
  if (in.acceptWord("RETURN")) {
    arguments.options = readOptions(in);
    in.space();
  }
  if (in.acceptWord("CHARSET")) {
    in.space();
    arguments.charset = in.astring();
    in.space();
  }
  KeyReader keys(in);
  arguments.key = keys.keys(0);
  arguments.usesModSeq = keys.sawModSeq();
  in.end();
  return arguments;
}

}  // namespace ostler::imap
