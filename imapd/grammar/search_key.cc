#include "imapd/grammar/search_key.h"

#include <algorithm>
#include <array>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/date_time.h"
#include "libmailcore/store/store.h"

namespace ostler::imap {
namespace {

using KeyKind = SearchKey::Kind;
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
  KeyKind kind;
  std::uint64_t bit = 0;
};

constexpr std::array kRows = {
    Row{"ALL", Operand::nothing, KeyKind::all},
    Row{"ANSWERED", Operand::flag, KeyKind::flagSet, Flags::kAnswered},
    Row{"BCC", Operand::string, KeyKind::bcc},
    Row{"BEFORE", Operand::day, KeyKind::arrivedBefore},
    Row{"BODY", Operand::string, KeyKind::body},
    Row{"CC", Operand::string, KeyKind::cc},
    Row{"DELETED", Operand::flag, KeyKind::flagSet, Flags::kDeleted},
    Row{"DRAFT", Operand::flag, KeyKind::flagSet, Flags::kDraft},
    Row{"EMAILID", Operand::objectId, KeyKind::emailId},
    Row{"FLAGGED", Operand::flag, KeyKind::flagSet, Flags::kFlagged},
    Row{"FROM", Operand::string, KeyKind::from},
    Row{"HEADER", Operand::header, KeyKind::header},
    Row{"KEYWORD", Operand::keyword, KeyKind::keyword},
    Row{"LARGER", Operand::number, KeyKind::larger},
    Row{"MODSEQ", Operand::modSeq, KeyKind::modSeq},
    Row{"NEW", Operand::nothing, KeyKind::none},
    Row{"OLD", Operand::nothing, KeyKind::all},
    Row{"OLDER", Operand::interval, KeyKind::older},
    Row{"ON", Operand::day, KeyKind::arrivedOn},
    Row{"RECENT", Operand::nothing, KeyKind::none},
    Row{"SAVEDATESUPPORTED", Operand::nothing, KeyKind::all},
    Row{"SAVEDBEFORE", Operand::day, KeyKind::savedBefore},
    Row{"SAVEDON", Operand::day, KeyKind::savedOn},
    Row{"SAVEDSINCE", Operand::day, KeyKind::savedSince},
    Row{"SEEN", Operand::flag, KeyKind::flagSet, Flags::kSeen},
    Row{"SENTBEFORE", Operand::day, KeyKind::sentBefore},
    Row{"SENTON", Operand::day, KeyKind::sentOn},
    Row{"SENTSINCE", Operand::day, KeyKind::sentSince},
    Row{"SINCE", Operand::day, KeyKind::arrivedSince},
    Row{"SMALLER", Operand::number, KeyKind::smaller},
    Row{"SUBJECT", Operand::string, KeyKind::subject},
    Row{"TEXT", Operand::string, KeyKind::text},
    Row{"THREADID", Operand::objectId, KeyKind::threadId},
    Row{"TO", Operand::string, KeyKind::to},
    Row{"UID", Operand::uidSet, KeyKind::uid},
    Row{"UNANSWERED", Operand::flag, KeyKind::flagClear, Flags::kAnswered},
    Row{"UNDELETED", Operand::flag, KeyKind::flagClear, Flags::kDeleted},
    Row{"UNDRAFT", Operand::flag, KeyKind::flagClear, Flags::kDraft},
    Row{"UNFLAGGED", Operand::flag, KeyKind::flagClear, Flags::kFlagged},
    Row{"UNKEYWORD", Operand::unkeyword, KeyKind::keyword},
    Row{"UNSEEN", Operand::flag, KeyKind::flagClear, Flags::kSeen},
    Row{"YOUNGER", Operand::interval, KeyKind::younger},
};

SearchKey negate(SearchKey key) {
  SearchKey negated;
  negated.kind = KeyKind::negation;
  negated.operands.push_back(std::move(key));
  return negated;
}

class KeyReader {
 public:
  explicit KeyReader(Reader& in) : in_(in) {}

  // search-key *(SP search-key)
  SearchKey keys(unsigned depth) {
    SearchKey all;
    all.kind = KeyKind::both;
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
    key.kind = KeyKind::sequence;
    key.set = readSequenceSet(in_);
    return key;
  }

  SearchKey either(unsigned depth) {
    SearchKey or_;
    or_.kind = KeyKind::either;
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
