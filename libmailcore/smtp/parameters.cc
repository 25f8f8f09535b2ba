#include "libmailcore/smtp/parameters.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <limits>
#include <vector>

#include "libmailcore/base/ascii.h"
#include "libmailcore/smtp/path.h"
#include "libmailcore/smtp/xtext.h"

namespace ostler::smtp {
namespace {

constexpr std::size_t kMostEnvid = 100;  // RFC 3461 4.4
constexpr std::size_t kMostOrcpt = 500;  // RFC 3461 4.2

Result<void> bad(std::string_view keyword) {
  return fail(Error::Kind::syntax, "bad value of " + std::string(keyword));
}

bool isPrintable(std::string_view text) {
  for (const char c : text) {
    if (isAsciiControl(c) || !isAscii(c)) return false;
  }
  return true;
}

Result<void> readSize(MailParameters& into, std::string_view value) {
  const bool isNumber = !value.empty() && value.size() <= 20 && std::all_of(value.begin(), value.end(), isAsciiDigit);  // 1*20DIGIT: RFC 1870 3
  if (!isNumber) return bad("SIZE");
  into.size = parseDecimal(value).value_or(std::numeric_limits<std::uint64_t>::max());  // what no number of ours holds is more than fits anywhere
  return {};
}
Result<void> readBody(MailParameters& into, std::string_view value) {
  if (equalsIgnoreCase(value, "7BIT")) into.body = Body::sevenBit;
  if (equalsIgnoreCase(value, "8BITMIME")) into.body = Body::eightBitMime;
  if (equalsIgnoreCase(value, "BINARYMIME")) into.body = Body::binaryMime;
  return into.body ? Result<void>() : bad("BODY");
}
Result<void> readSmtpUtf8(MailParameters& into, std::string_view value) {
  into.smtpUtf8 = true;
  return value.empty() ? Result<void>() : bad("SMTPUTF8");
}
Result<void> readAuth(MailParameters& into, std::string_view value) {
  const auto decoded = decodeXtext(value);
  if (!decoded || (*decoded != "<>" && !parseMailbox(*decoded))) return bad("AUTH");
  into.auth = *decoded;
  return {};
}
Result<void> readRet(MailParameters& into, std::string_view value) {
  if (equalsIgnoreCase(value, "FULL")) into.ret = ReturnContent::full;
  if (equalsIgnoreCase(value, "HDRS")) into.ret = ReturnContent::headers;
  return into.ret ? Result<void>() : bad("RET");
}
Result<void> readEnvid(MailParameters& into, std::string_view value) {
  const auto decoded = decodeXtext(value);
  // RFC 3461 4.4: printable octets alone. It becomes a field of a report, so nothing else may pass.
  if (!decoded || value.empty() || value.size() > kMostEnvid || !isPrintable(*decoded)) return bad("ENVID");
  into.envid = *decoded;
  return {};
}

// by-value = by-time ";" by-mode [by-trace]; by-time = ["-" / "+"] 1*9DIGIT; by-mode = "N" / "R"; by-trace = "T". RFC 2852 4.
Result<void> readBy(MailParameters& into, std::string_view value) {
  const std::size_t semicolon = value.find(';');
  if (semicolon == std::string_view::npos) return bad("BY");
  std::string_view time = value.substr(0, semicolon);
  const std::string mode = asciiUpper(value.substr(semicolon + 1));
  const bool negative = time.starts_with('-');
  if (negative || time.starts_with('+')) time.remove_prefix(1);
  const auto seconds = time.size() <= 9 ? parseDecimal(time) : std::nullopt;
  if (!seconds || (mode != "N" && mode != "R" && mode != "NT" && mode != "RT")) return bad("BY");
  DeliverBy by{static_cast<std::int64_t>(*seconds), mode[0] == 'R', mode.size() == 2};
  if (negative) by.seconds = -by.seconds;
  if (by.giveBack && by.seconds <= 0) return bad("BY");
  into.by = by;
  return {};
}
Result<void> readHoldFor(MailParameters& into, std::string_view value) {
  into.holdFor = value.size() <= 9 ? parseDecimal(value) : std::nullopt;
  return into.holdFor.value_or(0) > 0 && !into.holdUntil ? Result<void>() : bad("HOLDFOR");
}

// date-time of RFC 3339 5.6, with or without a fraction, seconds since 1970.
std::optional<std::int64_t> parseInternetTime(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd";
  if (text.size() < kForm.size() + 1) return std::nullopt;
  for (std::size_t at = 0; at < kForm.size(); ++at) {
    const bool fits = kForm[at] == 'd' ? isAsciiDigit(text[at]) : toAsciiLower(kForm[at]) == toAsciiLower(text[at]);
    if (!fits) return std::nullopt;
  }
  const auto number = [text](std::size_t at, std::size_t digits) {
    return static_cast<unsigned>(parseDecimal(text.substr(at, digits)).value_or(0));
  };
  const std::chrono::year_month_day day{std::chrono::year(static_cast<int>(number(0, 4))), std::chrono::month(number(5, 2)),
                                        std::chrono::day(number(8, 2))};
  if (!day.ok() || number(11, 2) > 23 || number(14, 2) > 59 || number(17, 2) > 60) return std::nullopt;
  std::int64_t seconds = std::chrono::sys_seconds(std::chrono::sys_days(day)).time_since_epoch().count();
  seconds += number(11, 2) * 3600 + number(14, 2) * 60 + number(17, 2);
  std::size_t at = kForm.size();
  if (text[at] == '.') {
    const std::size_t digits = ++at;
    while (at < text.size() && isAsciiDigit(text[at])) ++at;
    if (at == digits) return std::nullopt;
  }
  const std::string_view zone = text.substr(at);
  if (equalsIgnoreCase(zone, "Z")) return seconds;
  const bool isOffset = zone.size() == 6 && (zone[0] == '+' || zone[0] == '-') && zone[3] == ':' && isAsciiDigit(zone[1]) &&
                        isAsciiDigit(zone[2]) && isAsciiDigit(zone[4]) && isAsciiDigit(zone[5]);
  if (!isOffset || number(at + 1, 2) > 23 || number(at + 4, 2) > 59) return std::nullopt;
  const std::int64_t east = number(at + 1, 2) * 3600 + number(at + 4, 2) * 60;
  return zone[0] == '+' ? seconds - east : seconds + east;
}
std::string internetTime(std::int64_t seconds) {
  const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
  const auto midnight = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day day(midnight);
  const std::chrono::hh_mm_ss clock(time - midnight);
  const auto digits = [](std::int64_t value, std::size_t width) {
    const std::string text = std::to_string(value);
    return std::string(width > text.size() ? width - text.size() : 0, '0') + text;
  };
  return digits(static_cast<int>(day.year()), 4) + "-" + digits(static_cast<unsigned>(day.month()), 2) + "-" +
         digits(static_cast<unsigned>(day.day()), 2) + "T" + digits(clock.hours().count(), 2) + ":" +
         digits(clock.minutes().count(), 2) + ":" + digits(clock.seconds().count(), 2) + "Z";
}

Result<void> readHoldUntil(MailParameters& into, std::string_view value) {
  into.holdUntil = parseInternetTime(value);
  return into.holdUntil && !into.holdFor ? Result<void>() : bad("HOLDUNTIL");
}
// priority-value = (["-"] NZDIGIT) / "0", 1 to 9. RFC 6710 2.
Result<void> readPriority(MailParameters& into, std::string_view value) {
  const bool negative = value.starts_with('-');
  if (negative) value.remove_prefix(1);
  if (value.size() != 1 || !isAsciiDigit(value[0]) || (negative && value[0] == '0')) return bad("MT-PRIORITY");
  const int number = value[0] - '0';
  into.priority = static_cast<std::int8_t>(negative ? -number : number);
  return {};
}
Result<void> readRequireTls(MailParameters& into, std::string_view value) {
  into.requireTls = true;
  return value.empty() ? Result<void>() : bad("REQUIRETLS");
}

Result<void> readNotify(RcptParameters& into, std::string_view value) {
  Notify notify;
  if (!equalsIgnoreCase(value, "NEVER")) {
    for (const std::string_view word : split(value, ',')) {
      bool* const flag = equalsIgnoreCase(word, "SUCCESS")   ? &notify.success
                         : equalsIgnoreCase(word, "FAILURE") ? &notify.failure
                         : equalsIgnoreCase(word, "DELAY")   ? &notify.delay
                                                             : nullptr;
      if (!flag || *flag) return bad("NOTIFY");
      *flag = true;
    }
  }
  into.notify = notify;
  return {};
}
Result<void> readOrcpt(RcptParameters& into, std::string_view value) {
  const std::size_t semicolon = value.find(';');
  if (value.size() > kMostOrcpt || semicolon == 0 || semicolon == std::string_view::npos) return bad("ORCPT");
  const std::string type = asciiLower(value.substr(0, semicolon));
  for (const char c : type) {
    if (!isAsciiAlnum(c) && c != '-') return bad("ORCPT");
  }
  const std::string_view written = value.substr(semicolon + 1);
  const auto address = type == "utf-8" ? decodeUtf8Address(written) : decodeXtext(written);
  if (!address || address->empty() || (type != "utf-8" && !isPrintable(*address))) return bad("ORCPT");
  for (const char c : *address) {
    if (isAsciiControl(c)) return bad("ORCPT");
  }
  into.orcpt = OriginalRecipient{type, *address};
  return {};
}

template <class Parameters>
struct Known {
  std::string_view keyword;
  Result<void> (*read)(Parameters&, std::string_view);
};
constexpr std::array kMail = {
    Known<MailParameters>{"SIZE", readSize},         Known<MailParameters>{"BODY", readBody},
    Known<MailParameters>{"SMTPUTF8", readSmtpUtf8}, Known<MailParameters>{"AUTH", readAuth},
    Known<MailParameters>{"RET", readRet},           Known<MailParameters>{"ENVID", readEnvid},
    Known<MailParameters>{"BY", readBy},             Known<MailParameters>{"HOLDFOR", readHoldFor},
    Known<MailParameters>{"HOLDUNTIL", readHoldUntil}, Known<MailParameters>{"MT-PRIORITY", readPriority},
    Known<MailParameters>{"REQUIRETLS", readRequireTls},
};
constexpr std::array kRcpt = {
    Known<RcptParameters>{"NOTIFY", readNotify},
    Known<RcptParameters>{"ORCPT", readOrcpt},
};

template <class Parameters, std::size_t N>
Result<Parameters> parse(std::string_view text, const std::array<Known<Parameters>, N>& known) {
  Parameters parameters;
  std::array<bool, N> seen{};
  for (const std::string_view word : split(text, ' ')) {
    if (word.empty()) continue;  // more than one space between: clients do it
    const std::size_t equals = word.find('=');
    const std::string_view keyword = word.substr(0, equals);
    std::size_t at = 0;
    while (at < N && !equalsIgnoreCase(known[at].keyword, keyword)) ++at;
    if (at == N) return fail(Error::Kind::notFound, "unknown parameter " + printable(keyword, 40));
    if (std::exchange(seen[at], true)) return fail(Error::Kind::syntax, "parameter twice: " + printable(keyword, 40));
    // esmtp-value = 1*(...): RFC 5321 4.1.2
    if (equals + 1 == word.size()) return fail(Error::Kind::syntax, "no value behind " + printable(word, 40));
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
    if (const auto read = known[at].read(parameters, value); !read) return fail(read.error());
  }
  return parameters;
}

std::string_view nameOf(Body body) {
  return body == Body::sevenBit ? "7BIT" : body == Body::eightBitMime ? "8BITMIME" : "BINARYMIME";
}

std::string textOf(const Notify& notify) {
  std::string out;
  if (notify.success) out += ",SUCCESS";
  if (notify.failure) out += ",FAILURE";
  if (notify.delay) out += ",DELAY";
  return out.empty() ? "NEVER" : out.substr(1);
}

}  // namespace

std::optional<OriginalRecipient> OriginalRecipient::fromText(std::string_view text) {
  const std::size_t semicolon = text.find(';');
  if (semicolon == std::string_view::npos) return std::nullopt;
  return OriginalRecipient{std::string(text.substr(0, semicolon)), std::string(text.substr(semicolon + 1))};
}

Result<MailParameters> parseMailParameters(std::string_view text) {
  return parse(text, kMail);
}
Result<RcptParameters> parseRcptParameters(std::string_view text) {
  return parse(text, kRcpt);
}

std::string format(const MailParameters& parameters) {
  std::string out;
  if (parameters.size) out += " SIZE=" + std::to_string(*parameters.size);
  if (parameters.body) out += " BODY=" + std::string(nameOf(*parameters.body));
  if (parameters.smtpUtf8) out += " SMTPUTF8";
  if (parameters.auth) out += " AUTH=" + encodeXtext(*parameters.auth);
  if (parameters.ret) out += *parameters.ret == ReturnContent::full ? " RET=FULL" : " RET=HDRS";
  if (parameters.envid) out += " ENVID=" + encodeXtext(*parameters.envid);
  if (parameters.by) {
    out += " BY=" + std::to_string(parameters.by->seconds) + (parameters.by->giveBack ? ";R" : ";N");
    if (parameters.by->trace) out += 'T';
  }
  if (parameters.holdFor) out += " HOLDFOR=" + std::to_string(*parameters.holdFor);
  if (parameters.holdUntil) out += " HOLDUNTIL=" + internetTime(*parameters.holdUntil);
  if (parameters.priority) out += " MT-PRIORITY=" + std::to_string(*parameters.priority);
  if (parameters.requireTls) out += " REQUIRETLS";
  return out;
}

std::string format(const RcptParameters& parameters) {
  std::string out;
  if (parameters.notify) out += " NOTIFY=" + textOf(*parameters.notify);
  if (parameters.orcpt) {
    const auto& [type, address] = *parameters.orcpt;
    out += " ORCPT=" + type + ";";
    out += type == "utf-8" ? encodeUtf8AddressXtext(address).value_or("") : encodeXtext(address);
  }
  return out;
}

}  // namespace ostler::smtp
