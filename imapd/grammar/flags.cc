#include "imapd/grammar/flags.h"

#include <array>
#include <utility>

#include "libmailcore/base/ascii.h"

namespace ostler::imap {
namespace {

constexpr std::size_t kMaxKeywordOctets = 200;

void readFlag(Reader& in, store::FlagNames& into) {
  using store::Flags;
  static constexpr std::array<std::pair<std::string_view, std::uint64_t>, 6> kSystem = {{{"SEEN", Flags::kSeen},
                                                                                         {"ANSWERED", Flags::kAnswered},
                                                                                         {"FLAGGED", Flags::kFlagged},
                                                                                         {"DELETED", Flags::kDeleted},
                                                                                         {"DRAFT", Flags::kDraft},
                                                                                         {"RECENT", 0}}};
  if (!in.accept('\\')) {
    const std::string_view keyword = in.atom();
    if (keyword.size() > kMaxKeywordOctets) in.fail("Keyword is too long", Error::Kind::limit);
    if (!in.failed()) into.keywords.emplace_back(keyword);
    return;
  }
  const std::string name = in.word();
  for (const auto& [known, bit] : kSystem) {
    if (name != known) continue;
    into.system |= bit;
    return;
  }
  in.fail("Unknown system flag");
}

}  // namespace

store::FlagNames readFlagList(Reader& in) {
  store::FlagNames names;
  in.expect('(');
  if (in.accept(')')) return names;
  do {
    readFlag(in, names);
  } while (in.accept(' '));
  in.expect(')');
  return names;
}

store::FlagNames readFlags(Reader& in) {
  if (in.peek() == '(') return readFlagList(in);
  store::FlagNames names;
  do {
    readFlag(in, names);
  } while (in.accept(' '));
  return names;
}

store::Flags flagsOf(const store::FlagNames& names, const std::vector<std::string>& keywords) {
  store::Flags flags{names.system};
  for (const std::string& wanted : names.keywords) {
    for (std::size_t at = 0; at < keywords.size() && at < store::Flags::kMaxKeywords; ++at) {
      if (equalsIgnoreCase(keywords[at], wanted)) flags.bits |= 1ULL << (store::Flags::kFirstKeyword + at);
    }
  }
  return flags;
}

}  // namespace ostler::imap
