#include "libmailcore/message/header_addresses.h"

#include <algorithm>
#include <array>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"
#include "libmailcore/message/address_list.h"
#include "libmailcore/message/header.h"
#include "libmailcore/message/seven_bit.h"

namespace ostler::message {
namespace {

struct Field {
  std::string_view name;
  bool isSenders;  ///< says who sent it: masqueraded
};
constexpr std::array kFields = {Field{"From", true}, Field{"Sender", true}, Field{"Reply-To", true},
                                Field{"To", false},  Field{"Cc", false},    Field{"Bcc", false}};

bool change(Mailbox& mailbox, const Field& field, const ShownDomains& domains) {
  if (mailbox.localPart.empty()) return false;  // <>
  const bool isBare = mailbox.domain.empty() && !domains.standard.empty();
  if (isBare) mailbox.domain = domains.standard;
  const bool isOwn = field.isSenders && !domains.own.empty() && !domains.shown.empty() && isSameDomain(mailbox.domain, domains.own);
  if (isOwn) mailbox.domain = domains.shown;
  return isBare || isOwn;
}

bool change(Address& address, const Field& field, const ShownDomains& domains) {
  if (auto* const mailbox = std::get_if<Mailbox>(&address)) return change(*mailbox, field, domains);
  bool isChanged = false;
  for (Mailbox& member : std::get<Group>(address).members) isChanged = change(member, field, domains) || isChanged;
  return isChanged;
}

bool isUtf8(std::string_view value) {
  return std::any_of(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) > 127; });
}

/// Empty: nothing is to be changed.
std::string rewritten(const HeaderField& written, const Field& field, const ShownDomains& domains) {
  AddressList list = parseAddressList(written.value);
  bool isChanged = false;
  for (Address& address : list) isChanged = change(address, field, domains) || isChanged;
  if (!isChanged) return {};
  const std::string name = std::string(written.name) + ": ";
  return name + writeAddressList(list, name.size(), isUtf8(written.value) ? HeaderCharset::utf8 : HeaderCharset::ascii) + "\r\n";
}

}  // namespace

std::optional<std::string> withShownDomains(std::string_view content, const ShownDomains& domains) {
  const HeaderView header(content);
  const bool isWhole = header.fieldsLength() < header.length();
  std::string out;
  std::size_t copied = 0;
  for (auto at = header.begin(); isWhole && at != header.end(); ++at) {
    const auto field = std::find_if(kFields.begin(), kFields.end(), [&](const Field& one) { return equalsIgnoreCase(at->name, one.name); });
    if (field == kFields.end()) continue;
    const std::string text = rewritten(*at, *field, domains);
    if (text.empty()) continue;
    out.append(content.substr(copied, at->offset - copied)).append(text);
    copied = at->offset + at->length;
  }
  if (copied == 0 || isSigned(content)) return std::nullopt;
  return out.append(content.substr(copied));
}

}  // namespace ostler::message
