#include "imapd/grammar/write.h"

#include <array>
#include <bit>

#include "libmailcore/base/ascii.h"

#include "imapd/grammar/reader.h"

namespace ostler::imap {
namespace {

constexpr std::array<std::string_view, store::Flags::kFirstKeyword> kSystemFlags = {"\\Seen", "\\Answered", "\\Flagged",
                                                                                    "\\Deleted", "\\Draft"};
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";

bool isAtomText(std::string_view text) {
  if (text.empty() || equalsIgnoreCase(text, "NIL")) return false;
  for (const char c : text) {
    if (!isAtomChar(c)) return false;
  }
  return true;
}

bool isQuotable(std::string_view text) {
  if (text.size() > 1'024) return false;
  for (const char c : text) {
    if (c == '\r' || c == '\n' || c == '\0') return false;
  }
  return true;
}

void appendTwoDigits(std::string& out, std::int64_t value) {
  out += static_cast<char>('0' + value / 10 % 10);
  out += static_cast<char>('0' + value % 10);
}

}  // namespace

void appendAstring(std::string& out, std::string_view text) {
  if (isAtomText(text)) {
    out += text;
  } else {
    appendString(out, text);
  }
}

void appendString(std::string& out, std::string_view text) {
  if (!isQuotable(text)) {
    out += '{';
    appendNumber(out, text.size());
    out += "}\r\n";
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

// INTERNALDATE is kept as an instant; it is shown in UTC.
void appendDateTime(std::string& out, std::int64_t unixSeconds) {
  using namespace std::chrono;
  const sys_seconds time{seconds{unixSeconds}};
  const sys_days day = floor<days>(time);
  const year_month_day date{day};
  const std::int64_t clock = (time - day).count();
  const auto year = static_cast<std::int64_t>(static_cast<int>(date.year()));
  out += '"';
  const auto dayOfMonth = static_cast<unsigned>(date.day());
  out += dayOfMonth < 10 ? ' ' : static_cast<char>('0' + dayOfMonth / 10);
  out += static_cast<char>('0' + dayOfMonth % 10);
  out += '-';
  out += kMonths.substr((static_cast<unsigned>(date.month()) - 1) * 3, 3);
  out += '-';
  const std::int64_t shown = year < 0 ? 0 : year > 9999 ? 9999 : year;
  appendTwoDigits(out, shown / 100);
  appendTwoDigits(out, shown);
  out += ' ';
  appendTwoDigits(out, clock / 3600);
  out += ':';
  appendTwoDigits(out, clock / 60 % 60);
  out += ':';
  appendTwoDigits(out, clock % 60);
  out += " +0000\"";
}

void appendFlags(std::string& out, store::Flags flags, const std::vector<std::string>& keywords) {
  const std::size_t start = out.size();
  for (std::uint64_t left = flags.bits; left != 0; left &= left - 1) {
    const auto bit = static_cast<std::size_t>(std::countr_zero(left));
    const std::size_t keyword = bit - store::Flags::kFirstKeyword;
    if (bit >= store::Flags::kFirstKeyword && keyword >= keywords.size()) break;
    if (out.size() != start) out += ' ';
    out += bit < store::Flags::kFirstKeyword ? kSystemFlags[bit] : std::string_view(keywords[keyword]);
  }
}

void appendObjectId(std::string& out, char kind, const Id128& id) {
  out += kind;
  out += id.text();
}

}  // namespace ostler::imap
