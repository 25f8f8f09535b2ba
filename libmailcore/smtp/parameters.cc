#include "libmailcore/smtp/parameters.h"

#include <array>
#include <functional>
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
  into.size = value.size() <= 20 ? parseDecimal(value) : std::nullopt;  // 1*20DIGIT: RFC 1870 3
  return into.size ? Result<void>() : bad("SIZE");
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
