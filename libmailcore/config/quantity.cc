#include "libmailcore/config/quantity.h"

#include <array>
#include <cstdint>

#include "libmailcore/base/ascii.h"

namespace ostler::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array kSizeUnits = {
    Unit{"tib", 1ULL << 40},
    Unit{"gib", 1ULL << 30},
    Unit{"mib", 1ULL << 20},
    Unit{"kib", 1ULL << 10},
    Unit{"tb", 1'000'000'000'000},
    Unit{"gb", 1'000'000'000},
    Unit{"mb", 1'000'000},
    Unit{"kb", 1'000},
    Unit{"b", 1},
};
constexpr std::array kTimeUnits = {Unit{"w", 604'800}, Unit{"d", 86'400}, Unit{"h", 3'600}, Unit{"m", 60},
                                   Unit{"s", 1}};
constexpr std::uint64_t kLongestSeconds = 100ULL * 366 * 86'400;

/// Takes digits or letters off the front.
template <class Predicate>
std::string_view takeWhile(std::string_view& text, Predicate wanted) {
  std::size_t length = 0;
  while (length < text.size() && wanted(text[length])) ++length;
  const std::string_view taken = text.substr(0, length);
  text.remove_prefix(length);
  return taken;
}

}  // namespace

Result<ByteCount> parseByteCount(std::string_view text) {
  std::string_view rest = trim(text);
  const auto number = parseDecimal(takeWhile(rest, isAsciiDigit));
  if (!number) return fail(Error::Kind::syntax, "a size is a whole number with a unit, such as 25 MiB");
  takeWhile(rest, isWsp);
  if (rest.empty()) return ByteCount{*number};
  for (const Unit& unit : kSizeUnits) {
    if (!equalsIgnoreCase(rest, unit.name)) continue;
    if (*number > UINT64_MAX / unit.factor) return fail(Error::Kind::limit, "the size is too large");
    return ByteCount{*number * unit.factor};
  }
  return fail(Error::Kind::syntax, "the units of a size are B, KB, MB, GB, TB and KiB, MiB, GiB, TiB");
}

Result<std::chrono::seconds> parseDuration(std::string_view text) {
  std::string_view rest = trim(text);
  if (const auto bare = parseDecimal(rest)) {
    if (*bare > kLongestSeconds) return fail(Error::Kind::limit, "the duration is longer than 100 years");
    return std::chrono::seconds(*bare);
  }
  std::uint64_t sum = 0;
  std::uint64_t lastFactor = UINT64_MAX;
  do {
    const auto number = parseDecimal(takeWhile(rest, isAsciiDigit), kLongestSeconds);
    takeWhile(rest, isWsp);
    const std::string_view name = takeWhile(rest, isAsciiAlpha);
    takeWhile(rest, isWsp);
    const Unit* unit = nullptr;
    for (const Unit& known : kTimeUnits) {
      if (equalsIgnoreCase(name, known.name)) unit = &known;
    }
    if (!number || unit == nullptr || unit->factor >= lastFactor) {
      return fail(Error::Kind::syntax,
                  "a duration is whole numbers with the units w, d, h, m, s, such as 15m or 1h 30m");
    }
    lastFactor = unit->factor;
    if (*number > (kLongestSeconds - sum) / unit->factor)
      return fail(Error::Kind::limit, "the duration is longer than 100 years");
    sum += *number * unit->factor;
  } while (!rest.empty());
  return std::chrono::seconds(sum);
}

Result<Rate> parseRate(std::string_view text) {
  constexpr const char* kForm = "a rate is a number, a slash and a time, such as 5/s or 100/10m";
  const std::string_view whole = trim(text);
  if (whole == "0") return Rate{};
  const std::size_t slash = whole.find('/');
  if (slash == std::string_view::npos) return fail(Error::Kind::syntax, kForm);
  const auto count = parseDecimal(trim(whole.substr(0, slash)));
  const std::string_view time = trim(whole.substr(slash + 1));
  const bool isUnitAlone = time.size() == 1 && isAsciiAlpha(time[0]);
  const Result<std::chrono::seconds> in = parseDuration(isUnitAlone ? "1" + std::string(time) : std::string(time));
  if (!count || !in || (!time.empty() && !isUnitAlone && isAsciiDigit(time.back()))) return fail(Error::Kind::syntax, kForm);
  if (in->count() == 0) return fail(Error::Kind::limit, "a rate is of a time longer than 0");
  if (*count / 1'000'000 > static_cast<std::uint64_t>(in->count())) return fail(Error::Kind::limit, "the rate is more than a million in a second");
  if (*count == 0) return fail(Error::Kind::limit, "none in a time is no rate; 0 alone is no limit");
  return Rate{*count, *in};
}

Result<std::vector<HourWindow>> parseHours(std::string_view text) {
  const auto mistake = [] { return fail(Error::Kind::syntax, "hours are written as 22:00-06:00"); };
  const auto minuteOf = [](std::string_view time) -> std::optional<unsigned> {
    const std::size_t colon = time.find(':');
    if (colon == std::string_view::npos || time.size() - colon != 3) return std::nullopt;
    const auto hour = parseDecimal(time.substr(0, colon), 24);
    const auto minute = parseDecimal(time.substr(colon + 1), 59);
    if (!hour || !minute || *hour * 60 + *minute > 24 * 60) return std::nullopt;
    return static_cast<unsigned>(*hour * 60 + *minute) % (24 * 60);
  };
  std::vector<HourWindow> windows;
  for (const std::string_view part : split(text, ' ')) {
    if (part.empty()) continue;
    const std::size_t dash = part.find('-');
    if (dash == std::string_view::npos) return mistake();
    const auto from = minuteOf(part.substr(0, dash));
    const auto to = minuteOf(part.substr(dash + 1));
    if (!from || !to || *from == *to) return mistake();
    windows.push_back({*from, *to});
  }
  if (windows.empty()) return mistake();
  return windows;
}

std::string toText(ByteCount size) {
  for (const auto& [name, shift] : {std::pair{" GiB", 30U}, std::pair{" MiB", 20U}, std::pair{" KiB", 10U}}) {
    if (size.octets != 0 && size.octets % (1ULL << shift) == 0) return std::to_string(size.octets >> shift) + name;
  }
  return std::to_string(size.octets);
}

std::string toText(Rate rate) {
  if (rate.count == 0) return "";
  const std::string time = toText(rate.in);
  const bool isOne = time.size() == 2 && time[0] == '1';
  return std::to_string(rate.count) + "/" + (isOne ? time.substr(1) : time);
}

std::string toText(std::chrono::seconds duration) {
  auto rest = static_cast<std::uint64_t>(duration.count());
  if (rest == 0) return "0";
  std::string out;
  for (const Unit& unit : kTimeUnits) {
    if (unit.factor == 604'800 || rest < unit.factor) continue;  // weeks are read, but days are what people compare
    if (!out.empty()) out += ' ';
    out += std::to_string(rest / unit.factor) + std::string(unit.name);
    rest %= unit.factor;
  }
  return out;
}

}  // namespace ostler::config
