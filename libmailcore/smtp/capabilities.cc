#include "libmailcore/smtp/capabilities.h"

#include <algorithm>
#include <array>

#include "libmailcore/base/ascii.h"

namespace ostler::smtp {
namespace {

struct Keyword {
  std::string_view name;
  bool Capabilities::*flag;
};
constexpr std::array kKeywords = {
    Keyword{"PIPELINING", &Capabilities::pipelining}, Keyword{"8BITMIME", &Capabilities::eightBitMime},
    Keyword{"SMTPUTF8", &Capabilities::smtpUtf8},     Keyword{"CHUNKING", &Capabilities::chunking},
    Keyword{"BINARYMIME", &Capabilities::binaryMime}, Keyword{"DSN", &Capabilities::dsn},
    Keyword{"STARTTLS", &Capabilities::startTls},     Keyword{"SIZE", &Capabilities::size},
    Keyword{"DELIVERBY", &Capabilities::deliverBy},   Keyword{"MT-PRIORITY", &Capabilities::priority},
    Keyword{"REQUIRETLS", &Capabilities::requireTls},
};

// "LIMITS RCPTMAX=20 MAILMAX=5": RFC 9422 3. What is not known or not a number limits nothing.
void readLimits(const std::vector<std::string_view>& words, Capabilities& into) {
  for (const std::string_view word : words) {
    if (startsWithIgnoreCase(word, "RCPTMAX=")) into.mostRecipients = parseDecimal(word.substr(8), 999'999).value_or(0);
    if (startsWithIgnoreCase(word, "RCPTDOMAINMAX=")) into.mostDomains = parseDecimal(word.substr(14), 999'999).value_or(0);
    if (startsWithIgnoreCase(word, "MAILMAX=")) into.mostMessages = parseDecimal(word.substr(8), 999'999).value_or(0);
  }
}

// "DELIVERBY 240", "DELIVERBY 240,EXTENSION": RFC 2852 3. What is no number is no least.
std::int64_t leastSeconds(std::string_view word) {
  constexpr std::uint64_t kMost = 999'999'999;
  return static_cast<std::int64_t>(parseDecimal(word.substr(0, word.find(',')), kMost).value_or(0));
}

void readLine(std::string_view line, Capabilities& into) {
  const std::vector<std::string_view> words = split(line, ' ');
  for (const Keyword& keyword : kKeywords) {
    if (equalsIgnoreCase(words[0], keyword.name)) into.*keyword.flag = true;
  }
  if (equalsIgnoreCase(words[0], "SIZE") && words.size() > 1) into.maxSize = parseDecimal(words[1]).value_or(0);
  if (equalsIgnoreCase(words[0], "LIMITS")) readLimits(words, into);
  if (equalsIgnoreCase(words[0], "DELIVERBY") && words.size() > 1) into.leastSeconds = leastSeconds(words[1]);
  // "AUTH=PLAIN" is what servers of before RFC 2554 say; the others say AUTH too.
  if (!equalsIgnoreCase(words[0], "AUTH")) return;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (!words[i].empty()) into.authMechanisms.push_back(asciiUpper(words[i]));
  }
}

}  // namespace

bool Capabilities::offersAuth(std::string_view mechanism) const {
  return std::find(authMechanisms.begin(), authMechanisms.end(), mechanism) != authMechanisms.end();
}

Capabilities parseCapabilities(const Reply& reply) {
  Capabilities out;
  const std::vector<std::string_view> lines = split(reply.text, '\n');
  for (std::size_t i = 1; i < lines.size(); ++i) readLine(trim(lines[i]), out);
  return out;
}

}  // namespace ostler::smtp
