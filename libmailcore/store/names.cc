#include "libmailcore/store/names.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/unistr.h>
#include <unicode/ustring.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <set>

#include "libmailcore/base/ascii.h"

namespace ostler::store {
namespace {

constexpr std::size_t kMaxKeywordOctets = 100;

bool isAsciiOnly(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool isUtf8WithoutControls(std::string_view text) {
  const auto length = static_cast<std::int32_t>(text.size());
  for (std::int32_t at = 0; at < length;) {
    UChar32 c = 0;
    U8_NEXT(text.data(), at, length, c);
    if (c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029) return false;
  }
  return true;
}

Result<std::string> toNfc(std::string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* const nfc = icu::Normalizer2::getNFCInstance(status);
  if (U_FAILURE(status)) return fail(Error::Kind::permanent, "mailbox name: no NFC in this ICU");
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  nfc->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())), sink, nullptr, status);
  if (U_FAILURE(status)) return fail(Error::Kind::syntax, "mailbox name: cannot be normalized");
  return out;
}

bool isKeyword(std::string_view name) {  // RFC 9051 9: flag-keyword = "$MDNSent" / ... / atom
  constexpr std::string_view kNotAtom = "(){ %*\"\\]";
  return !name.empty() && name.size() <= kMaxKeywordOctets && std::all_of(name.begin(), name.end(), [&](char c) {
    return c > 0x20 && c < 0x7F && kNotAtom.find(c) == std::string_view::npos;
  });
}

std::size_t placeOf(std::string_view keyword, const std::vector<std::string>& keywords) {
  const auto found = std::find_if(keywords.begin(), keywords.end(),
                                  [&](const std::string& have) { return equalsIgnoreCase(have, keyword); });
  return static_cast<std::size_t>(found - keywords.begin());
}

}  // namespace

Result<std::string> canonicalName(std::string_view name) {
  if (name.empty() || name.front() == kSeparator || name.back() == kSeparator ||
      name.find("//") != std::string_view::npos) {
    return fail(Error::Kind::syntax, "mailbox name: an empty level");
  }
  if (name.size() > kMaxNameOctets) return fail(Error::Kind::limit, "mailbox name: too long");
  if (!isUtf8WithoutControls(name)) return fail(Error::Kind::syntax, "mailbox name: not UTF-8, or a control character");
  Result<std::string> canonical = isAsciiOnly(name) ? Result<std::string>(std::string(name)) : toNfc(name);
  if (!canonical) return canonical;
  if (canonical->size() > kMaxNameOctets) return fail(Error::Kind::limit, "mailbox name: too long");
  const std::string_view first = std::string_view(*canonical).substr(0, canonical->find(kSeparator));
  if (equalsIgnoreCase(first, "INBOX")) canonical->replace(0, 5, "INBOX");
  return canonical;
}

std::vector<std::string_view> parentsOf(std::string_view name) {
  std::vector<std::string_view> parents;
  for (std::size_t at = name.find(kSeparator); at != std::string_view::npos; at = name.find(kSeparator, at + 1)) {
    parents.push_back(name.substr(0, at));
  }
  return parents;
}

bool isBelow(std::string_view name, std::string_view ancestor) {
  return name.size() > ancestor.size() && name.starts_with(ancestor) && name[ancestor.size()] == kSeparator;
}

Result<Flags> resolveFlags(const FlagNames& names, std::vector<std::string>& keywords) {
  Flags flags{names.system & ((std::uint64_t{1} << Flags::kFirstKeyword) - 1)};
  for (const std::string& name : names.keywords) {
    if (!isKeyword(name)) return fail(Error::Kind::syntax, "keyword: not an atom");
    const std::size_t place = placeOf(name, keywords);
    if (place >= Flags::kMaxKeywords) return fail(Error::Kind::limit, "keyword: the mailbox has no place for another one");
    if (place == keywords.size()) keywords.push_back(name);
    flags.bits |= std::uint64_t{1} << (Flags::kFirstKeyword + place);
  }
  return flags;
}

FlagNames namesOf(Flags flags, const std::vector<std::string>& keywords) {
  FlagNames names{flags.bits & ((std::uint64_t{1} << Flags::kFirstKeyword) - 1), {}};
  for (std::size_t place = 0; place < keywords.size(); ++place) {
    if (flags.bits >> (Flags::kFirstKeyword + place) & 1) names.keywords.push_back(keywords[place]);
  }
  return names;
}

void addNamesWithoutMailbox(std::vector<MailboxInfo>& all, const std::vector<std::string>& subscriptions) {
  const std::set<std::string, std::less<>> subscribed(subscriptions.begin(), subscriptions.end());
  std::set<std::string, std::less<>> known;
  for (MailboxInfo& info : all) {
    info.subscribed = subscribed.contains(info.name);
    known.insert(info.name);
  }
  const auto addNonExistent = [&](std::string_view name) {
    if (!known.emplace(name).second) return;
    MailboxInfo info;
    info.name = std::string(name);
    info.exists = false;
    info.subscribed = subscribed.contains(name);
    all.push_back(std::move(info));
  };
  for (std::size_t at = 0, count = all.size(); at < count; ++at) {
    const std::string name = all[at].name;  // `all` grows meanwhile
    for (const std::string_view parent : parentsOf(name)) addNonExistent(parent);
  }
  for (const std::string& name : subscriptions) addNonExistent(name);
  std::sort(all.begin(), all.end(), [](const MailboxInfo& a, const MailboxInfo& b) { return a.name < b.name; });
}

}  // namespace ostler::store
