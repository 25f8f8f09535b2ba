#include "libmailcore/smtp/enhanced_status.h"

#include <array>

#include "libmailcore/base/ascii.h"

namespace ostler::smtp {
namespace {

struct Registered {
  std::uint16_t subject;
  std::uint16_t detail;
  std::string_view meaning;
};

constexpr std::array kRegistry = {
    Registered{0, 0, "Other undefined status"},
    Registered{1, 0, "Other address status"},
    Registered{1, 1, "Bad destination mailbox address"},
    Registered{1, 2, "Bad destination system address"},
    Registered{1, 3, "Bad destination mailbox address syntax"},
    Registered{1, 4, "Destination mailbox address ambiguous"},
    Registered{1, 5, "Destination address valid"},
    Registered{1, 6, "Destination mailbox has moved, no forwarding address"},
    Registered{1, 7, "Bad sender's mailbox address syntax"},
    Registered{1, 8, "Bad sender's system address"},
    Registered{1, 9, "Message relayed to non-compliant mailer"},
    Registered{1, 10, "Recipient address has null MX"},
    Registered{2, 0, "Other or undefined mailbox status"},
    Registered{2, 1, "Mailbox disabled, not accepting messages"},
    Registered{2, 2, "Mailbox full"},
    Registered{2, 3, "Message length exceeds administrative limit"},
    Registered{2, 4, "Mailing list expansion problem"},
    Registered{3, 0, "Other or undefined mail system status"},
    Registered{3, 1, "Mail system full"},
    Registered{3, 2, "System not accepting network messages"},
    Registered{3, 3, "System not capable of selected features"},
    Registered{3, 4, "Message too big for system"},
    Registered{3, 5, "System incorrectly configured"},
    Registered{4, 0, "Other or undefined network or routing status"},
    Registered{4, 1, "No answer from host"},
    Registered{4, 2, "Bad connection"},
    Registered{4, 3, "Directory server failure"},
    Registered{4, 4, "Unable to route"},
    Registered{4, 5, "Mail system congestion"},
    Registered{4, 6, "Routing loop detected"},
    Registered{4, 7, "Delivery time expired"},
    Registered{5, 0, "Other or undefined protocol status"},
    Registered{5, 1, "Invalid command"},
    Registered{5, 2, "Syntax error"},
    Registered{5, 3, "Too many recipients"},
    Registered{5, 4, "Invalid command arguments"},
    Registered{5, 5, "Wrong protocol version"},
    Registered{5, 6, "Authentication exchange line is too long"},
    Registered{6, 0, "Other or undefined media error"},
    Registered{6, 1, "Media not supported"},
    Registered{6, 2, "Conversion required and prohibited"},
    Registered{6, 3, "Conversion required but not supported"},
    Registered{6, 4, "Conversion with loss performed"},
    Registered{6, 5, "Conversion failed"},
    Registered{6, 6, "Message content not available"},
    Registered{6, 7, "Non-ASCII addresses not permitted for that sender/recipient"},
    Registered{6, 8, "UTF-8 string reply is required, but not permitted by the SMTP client"},
    Registered{6, 9, "UTF-8 header message cannot be transferred to one or more recipients"},
    Registered{7, 0, "Other or undefined security status"},
    Registered{7, 1, "Delivery not authorized, message refused"},
    Registered{7, 2, "Mailing list expansion prohibited"},
    Registered{7, 3, "Security conversion required but not possible"},
    Registered{7, 4, "Security features not supported"},
    Registered{7, 5, "Cryptographic failure"},
    Registered{7, 6, "Cryptographic algorithm not supported"},
    Registered{7, 7, "Message integrity failure"},
    Registered{7, 8, "Authentication credentials invalid"},
    Registered{7, 9, "Authentication mechanism is too weak"},
    Registered{7, 10, "Encryption needed"},
    Registered{7, 11, "Encryption required for requested authentication mechanism"},
    Registered{7, 12, "A password transition is needed"},
    Registered{7, 13, "User account disabled"},
    Registered{7, 14, "Trust relationship required"},
    Registered{7, 17, "Mailbox owner has changed"},
    Registered{7, 20, "No passing DKIM signature found"},
    Registered{7, 23, "SPF validation failed"},
    Registered{7, 25, "Reverse DNS validation failed"},
    Registered{7, 26, "Multiple authentication checks failed"},
    Registered{7, 27, "Sender address has null MX"},
    Registered{7, 28, "Mail flood detected"},
    Registered{7, 29, "ARC validation failure"},
    Registered{7, 30, "REQUIRETLS support required"},
};

// "0" or up to three digits without a leading zero.
std::optional<std::uint16_t> part(std::string_view digits) {
  if (digits.size() > 3 || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
  const auto value = parseDecimal(digits, 999);
  if (!value) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

}  // namespace

std::optional<EnhancedStatus> EnhancedStatus::parse(std::string_view text) {
  const std::size_t first = text.find('.');
  const std::size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const auto klass = part(text.substr(0, first));
  const auto subject = part(text.substr(first + 1, second - first - 1));
  const auto detail = part(text.substr(second + 1));
  if (!klass || !subject || !detail || (*klass != 2 && *klass != 4 && *klass != 5)) return std::nullopt;
  return EnhancedStatus{*klass, *subject, *detail};
}

std::string EnhancedStatus::text() const {
  return std::to_string(klass) + "." + std::to_string(subject) + "." + std::to_string(detail);
}

std::string_view EnhancedStatus::meaning() const {
  for (const Registered& row : kRegistry) {
    if (row.subject == subject && row.detail == detail) return row.meaning;
  }
  return {};
}

}  // namespace ostler::smtp
