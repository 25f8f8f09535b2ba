// Makes a SEARCH key tree ready to be asked of many messages.
#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/charset.h"

#include "imapd/search/evaluator.h"

namespace ostler::imap {
namespace {

using KeyKind = SearchKey::Kind;

// Relative, and rough: a flag is there, a summary is looked up, a header is read, a whole message is read and searched.
enum Cost : unsigned { flagsCost = 0, datesCost = 1, subjectCost = 5, summaryCost = 10, headerCost = 100, contentCost = 1'000 };

Cost costOf(KeyKind kind) {
  switch (kind) {
    case KeyKind::larger:
    case KeyKind::smaller:
    case KeyKind::arrivedBefore:
    case KeyKind::arrivedOn:
    case KeyKind::arrivedSince:
    case KeyKind::savedBefore:
    case KeyKind::savedOn:
    case KeyKind::savedSince:
    case KeyKind::older:
    case KeyKind::younger:
    case KeyKind::emailId:
    case KeyKind::threadId:
      return datesCost;
    case KeyKind::sentBefore:
    case KeyKind::sentOn:
    case KeyKind::sentSince:
    case KeyKind::from:
    case KeyKind::to:
    case KeyKind::cc:
    case KeyKind::bcc:
      return summaryCost;
    case KeyKind::subject:
      return subjectCost;
    case KeyKind::header:
      return headerCost;
    case KeyKind::body:
    case KeyKind::text:
      return contentCost;
    default:
      return flagsCost;
  }
}

void addColumns(store::Columns& columns, Cost cost) {
  if (cost == datesCost) columns.dates = true;
  if (cost == subjectCost) columns.subject = true;
  if (cost == summaryCost) columns.summary = true;
  if (cost >= headerCost) columns.content = true;
}

class Compiler {
 public:
  Compiler(const SearchSetting& setting, store::Columns& columns) : setting_(setting), columns_(columns) {}

  SearchNode node(const SearchKey& key) {
    SearchNode out;
    out.kind = key.kind;
    out.number = key.number;
    out.day = key.day.time_since_epoch().count();
    out.cost = costOf(key.kind);
    addColumns(columns_, costOf(key.kind));
    for (const SearchKey& operand : key.operands) out.operands.push_back(node(operand));
    for (const SearchNode& operand : out.operands) out.cost = std::max(out.cost, operand.cost);
    std::sort(out.operands.begin(), out.operands.end(),
              [](const SearchNode& a, const SearchNode& b) { return a.cost < b.cost; });
    fill(out, key);
    return out;
  }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  void fill(SearchNode& out, const SearchKey& key) {
    switch (key.kind) {
      case KeyKind::sequence:
        out.uids = setting_.uidsOf(key.set, Addressing::number);
        break;
      case KeyKind::uid:
        out.uids = setting_.uidsOf(key.set, Addressing::uid);
        break;
      case KeyKind::keyword:
        out.keyword = key.text;
        break;
      case KeyKind::emailId:
      case KeyKind::threadId:
        out.objectId = key.text;
        break;
      case KeyKind::older:
      case KeyKind::younger:
        out.day = toUnixMillis(setting_.now) / 1000 - static_cast<std::int64_t>(key.number);
        break;
      case KeyKind::header:
        out.field = key.field;
        [[fallthrough]];
      case KeyKind::subject:
      case KeyKind::from:
      case KeyKind::to:
      case KeyKind::cc:
      case KeyKind::bcc:
        out.finder = std::make_shared<message::CaseFinder>(utf8(key.text));
        break;
      case KeyKind::body:
        out.matcher = std::make_shared<message::TextMatcher>(utf8(key.text), message::SearchScope::body);
        break;
      case KeyKind::text:
        out.matcher = std::make_shared<message::TextMatcher>(utf8(key.text), message::SearchScope::text);
        break;
      default:
        break;
    }
  }

  std::string utf8(const std::string& text) {
    // Without CHARSET it is ASCII, or UTF-8 from a client that takes it for granted (RFC 9051 6.4.4).
    const auto converted = message::toUtf8(text, setting_.charset.empty() ? "UTF-8" : setting_.charset);
    if (!converted) error_ = Error{Error::Kind::notFound, "unknown charset"};
    return converted.value_or(std::string());
  }

  const SearchSetting& setting_;
  store::Columns& columns_;
  std::optional<Error> error_;
};

// What the sets on the top level leave.
UidSet amongOf(const SearchNode& root) {
  if (root.kind == KeyKind::sequence || root.kind == KeyKind::uid) return root.uids;
  if (root.kind == KeyKind::none) return {};
  UidSet among = UidSet::all();
  if (root.kind != KeyKind::both) return among;
  for (const SearchNode& operand : root.operands) among = among.intersect(amongOf(operand));
  return among;
}

}  // namespace

Result<SearchProgram> compileSearch(const SearchKey& key, const SearchSetting& setting) {
  if (!setting.charset.empty() && !message::toUtf8("", setting.charset)) {
    return fail(Error::Kind::notFound, "unknown charset");
  }
  SearchProgram program;
  Compiler compiler(setting, program.columns);
  program.root = compiler.node(key);
  if (compiler.error()) return fail(*compiler.error());
  program.among = amongOf(program.root);
  return program;
}

}  // namespace ostler::imap
