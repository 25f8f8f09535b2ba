#include "libmailcore/message/priority.h"

#include <vector>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/header.h"

namespace ostler::message {
namespace {

constexpr std::string_view kField = "MT-Priority";

// priority-value = (["-"] NZDIGIT) / "0", 1 to 9 each way. RFC 6710 2.
std::optional<std::int8_t> priorityValue(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.size() != 1 || !isAsciiDigit(text[0]) || (negative && text[0] == '0')) return std::nullopt;
  return static_cast<std::int8_t>(negative ? '0' - text[0] : text[0] - '0');
}

}  // namespace

PriorityFields priorityFields(std::string_view content) {
  const std::vector<HeaderField> fields = HeaderView(content).findAll(kField);
  PriorityFields out;
  out.any = !fields.empty();
  if (fields.size() == 1) out.value = priorityValue(unfold(fields.front().value));
  return out;
}

std::string withoutPriorityFields(std::string_view content) {
  const HeaderView view(content);
  std::string out;
  std::size_t done = 0;
  for (const HeaderField& field : view) {
    if (!equalsIgnoreCase(field.name, kField)) continue;
    out += content.substr(done, field.offset - done);
    done = field.offset + field.length;
  }
  return out + std::string(content.substr(done));
}

std::string withPriorityField(std::string_view content, int priority) {
  return "MT-Priority: " + std::to_string(priority) + "\r\n" + withoutPriorityFields(content);
}

}  // namespace ostler::message
