#include "libmailcore/message/compose.h"

#include "libmailcore/message/date_time.h"
#include "libmailcore/message/header.h"
#include "libmailcore/message/message_id.h"

namespace ostler::message {

std::string missingFields(std::string_view content, const MissingFields& with) {
  const HeaderView header(content);
  std::string out;
  if (!header.find("Date")) out += "Date: " + formatDateTime(with.now) + "\r\n";
  if (!header.find("From") && !with.sender.empty()) out += "From: <" + std::string(with.sender) + ">\r\n";
  if (!header.find("Message-ID")) out += "Message-ID: " + makeMessageId(with.id, with.domain) + "\r\n";
  return out;
}

std::optional<HeaderFault> headerFault(std::string_view content) {
  for (const HeaderField& field : HeaderView(content)) {
    if (!field.name.empty()) continue;
    const bool isMbox = field.offset == 0 && content.starts_with("From ");
    return HeaderFault{field.offset, isMbox ? field.length : 0};
  }
  return std::nullopt;
}

}  // namespace ostler::message
