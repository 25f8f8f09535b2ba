#include "libmailcore/message/named_recipients.h"

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/address_list.h"

namespace ostler::message {

namespace {

void addNamed(std::vector<std::string>& addresses, const HeaderView& header, std::string_view name) {
  for (const HeaderField& field : header.findAll(name)) {
    for (const Mailbox& mailbox : mailboxesOf(parseAddressList(field.value))) addresses.push_back(mailbox.address());
  }
}

}  // namespace

std::vector<std::string> namedRecipients(const HeaderView& header) {
  std::vector<std::string> addresses;
  for (const char* const name : {"Resent-To", "Resent-Cc", "Resent-Bcc"}) addNamed(addresses, header, name);
  if (!addresses.empty()) return addresses;
  for (const char* const name : {"To", "Cc", "Bcc"}) addNamed(addresses, header, name);
  return addresses;
}

std::string namedSender(const HeaderView& header) {
  for (const char* const name : {"Resent-Sender", "Resent-From", "Sender", "From"}) {
    std::vector<std::string> addresses;
    addNamed(addresses, header, name);
    if (!addresses.empty()) return addresses.front();
  }
  return {};
}

bool isBlindCopy(std::string_view fieldName) { return equalsIgnoreCase(fieldName, "Bcc") || equalsIgnoreCase(fieldName, "Resent-Bcc"); }

}  // namespace ostler::message
