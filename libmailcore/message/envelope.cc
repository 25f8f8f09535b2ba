#include "libmailcore/message/envelope.h"

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/imap_text.h"

namespace ostler::message {
namespace {

void appendMailbox(std::string& out, const Mailbox& mailbox) {
  out += '(';
  appendImapNstring(out, mailbox.displayName);
  out += ' ';
  appendImapNstring(out, mailbox.route);
  out += ' ';
  // NIL would make it a group's mark, so what is missing is an empty string.
  appendImapString(out, mailbox.localPart);
  out += ' ';
  appendImapString(out, mailbox.domain);
  out += ')';
}

// A group starts with (NIL NIL "name" NIL) and ends with (NIL NIL NIL NIL).
void appendGroup(std::string& out, const Group& group) {
  out += "(NIL NIL ";
  appendImapString(out, group.displayName);
  out += " NIL)";
  for (const Mailbox& member : group.members) appendMailbox(out, member);
  out += "(NIL NIL NIL NIL)";
}

void appendAddresses(std::string& out, const AddressList& list) {
  if (list.empty()) {
    out += "NIL";
    return;
  }
  out += '(';
  for (const Address& address : list) {
    if (const auto* const mailbox = std::get_if<Mailbox>(&address)) {
      appendMailbox(out, *mailbox);
    } else {
      appendGroup(out, std::get<Group>(address));
    }
  }
  out += ')';
}

void setOnce(std::string& value, std::string_view raw) {
  if (value.empty()) value = unfold(raw);
}

// Programs that write a field twice mean both.
void addAll(AddressList& list, std::string_view raw) {
  AddressList more = parseAddressList(raw);
  if (list.empty()) {
    list = std::move(more);
  } else {
    list.insert(list.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
}

void take(Envelope& envelope, const HeaderField& field) {
  const auto is = [&](std::string_view name) { return equalsIgnoreCase(field.name, name); };
  switch (field.name.size()) {
    case 2:
      if (is("To")) addAll(envelope.to, field.value);
      if (is("Cc")) addAll(envelope.cc, field.value);
      break;
    case 3:
      if (is("Bcc")) addAll(envelope.bcc, field.value);
      break;
    case 4:
      if (is("From")) addAll(envelope.from, field.value);
      if (is("Date")) setOnce(envelope.date, field.value);
      break;
    case 6:
      if (is("Sender")) addAll(envelope.sender, field.value);
      break;
    case 7:
      if (is("Subject")) setOnce(envelope.subject, field.value);
      break;
    case 8:
      if (is("Reply-To")) addAll(envelope.replyTo, field.value);
      break;
    case 10:
      if (is("Message-ID")) setOnce(envelope.messageId, field.value);
      break;
    case 11:
      if (is("In-Reply-To")) setOnce(envelope.inReplyTo, field.value);
      break;
    default:
      break;
  }
}

}  // namespace

Envelope envelopeOf(const HeaderView& header) {
  Envelope envelope;
  for (const HeaderField& field : header) take(envelope, field);
  if (envelope.sender.empty()) envelope.sender = envelope.from;  // RFC 9051 7.5.2
  if (envelope.replyTo.empty()) envelope.replyTo = envelope.from;
  return envelope;
}

void appendEnvelope(std::string& out, const Envelope& envelope) {
  out += '(';
  appendImapNstring(out, envelope.date);
  out += ' ';
  appendImapNstring(out, envelope.subject);
  for (const AddressList* const list :
       {&envelope.from, &envelope.sender, &envelope.replyTo, &envelope.to, &envelope.cc, &envelope.bcc}) {
    out += ' ';
    appendAddresses(out, *list);
  }
  out += ' ';
  appendImapNstring(out, envelope.inReplyTo);
  out += ' ';
  appendImapNstring(out, envelope.messageId);
  out += ')';
}

}  // namespace ostler::message
