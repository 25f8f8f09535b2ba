#include "libmailcore/message/prepared.h"

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/body_structure.h"
#include "libmailcore/message/charset.h"
#include "libmailcore/message/date_time.h"
#include "libmailcore/message/encoded_word.h"
#include "libmailcore/message/envelope.h"
#include "libmailcore/message/message_id.h"
#include "libmailcore/message/octet_scan.h"
#include "libmailcore/message/subject.h"

namespace ostler::message {
namespace {

/// What is indexed per message stays small whatever a stranger writes.
constexpr std::size_t kMostReferences = 1'000;
constexpr std::size_t kLongestSortKey = 1'000;

std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;  // not inside a character
  text.resize(most);
  return text;
}

std::string sortKey(std::string_view raw) {
  return cut(caseFold(decodeEncodedWords(raw)), kLongestSortKey);
}

// RFC 5256 3: the mailbox of the first address; of a group, its name.
std::string mailboxKey(const AddressList& list) {
  if (list.empty()) return {};
  const auto* const mailbox = std::get_if<Mailbox>(&list.front());
  return sortKey(mailbox ? mailbox->localPart : std::get<Group>(list.front()).displayName);
}

// RFC 5957 3.1: the display name, or else the address.
std::string displayKey(const AddressList& list) {
  if (list.empty()) return {};
  const auto* const mailbox = std::get_if<Mailbox>(&list.front());
  if (!mailbox) return sortKey(std::get<Group>(list.front()).displayName);
  return mailbox->displayName.empty() ? cut(caseFold(mailbox->address()), kLongestSortKey)
                                      : sortKey(mailbox->displayName);
}

void addSearchable(std::string& to, std::string_view raw) {
  if (!to.empty()) to += '\n';
  to += caseFold(decodeEncodedWords(raw));
}

/// The fields of the header that ENVELOPE does not keep raw, collected in one pass.
struct RawFields {
  std::string_view references;
  std::string_view inReplyTo;
};

RawFields readFields(Prepared& out, const HeaderView& header) {
  RawFields raw;
  for (const HeaderField& field : header) {
    const auto is = [&](std::string_view name) { return equalsIgnoreCase(field.name, name); };
    switch (field.name.size()) {
      case 2:
        if (is("To")) addSearchable(out.searchTo, field.value);
        if (is("Cc")) addSearchable(out.searchCc, field.value);
        break;
      case 3:
        if (is("Bcc")) addSearchable(out.searchBcc, field.value);
        break;
      case 4:
        if (is("From")) addSearchable(out.searchFrom, field.value);
        break;
      case 7:
        if (is("Subject")) addSearchable(out.searchSubject, field.value);
        break;
      case 10:
        if (is("References") && raw.references.empty()) raw.references = field.value;
        break;
      case 11:
        if (is("In-Reply-To") && raw.inReplyTo.empty()) raw.inReplyTo = field.value;
        break;
      default:
        break;
    }
  }
  return raw;
}

void setSortKeys(Prepared& out, const Envelope& envelope) {
  const BaseSubject subject = baseSubject(decodeEncodedWords(envelope.subject));
  out.baseSubject = cut(caseFold(subject.text), kLongestSortKey);
  out.isReplyOrForward = subject.isReplyOrForward;
  out.sortFrom = mailboxKey(envelope.from);
  out.sortTo = mailboxKey(envelope.to);
  out.sortCc = mailboxKey(envelope.cc);
  out.displayFrom = displayKey(envelope.from);
  out.displayTo = displayKey(envelope.to);
  if (const std::optional<DateTime> sent = parseDateTime(envelope.date)) {
    out.hasSentDate = true;
    out.sentMillis = toUnixMillis(sent->time);
    out.sentDay = static_cast<std::int32_t>(sent->localDay().time_since_epoch().count());
  }
}

// Of a long thread the first id (its root) and the latest ones say where it belongs.
std::vector<std::string> fewer(std::vector<std::string> ids) {
  if (ids.size() > kMostReferences) {
    ids.erase(ids.begin() + 1, ids.end() - static_cast<std::ptrdiff_t>(kMostReferences - 1));
  }
  return ids;
}

}  // namespace

Prepared prepare(std::string_view content) {
  Prepared out;
  const HeaderView header(content);
  out.facts = contentFacts(content);
  out.headerLength = header.length();
  out.hasUtf8Header = out.facts.has8Bit && has8Bit(header.text());

  const Envelope envelope = envelopeOf(header);
  appendEnvelope(out.envelope, envelope);
  const Structure structure = parseStructure(content);
  appendBodyStructure(out.body, structure, content, BodyForm::body);
  appendBodyStructure(out.bodyStructure, structure, content, BodyForm::bodyStructure);

  setSortKeys(out, envelope);
  const RawFields raw = readFields(out, header);
  out.messageId = firstMessageId(envelope.messageId);
  out.references = fewer(threadReferences(raw.references, raw.inReplyTo));
  return out;
}

}  // namespace ostler::message
