// envelope.h - ENVELOPE: the header fields IMAP clients list messages by. RFC 9051 7.5.2.
// Is not: the envelope of SMTP.
#pragma once

#include <string>

#include "libmailcore/message/address_list.h"
#include "libmailcore/message/header.h"

namespace ostler::message {

/// Values unfolded, encoded-words not decoded. sender and replyTo fall back to from.
struct Envelope {
  std::string date;
  std::string subject;
  AddressList from;
  AddressList sender;
  AddressList replyTo;
  AddressList to;
  AddressList cc;
  AddressList bcc;
  std::string inReplyTo;
  std::string messageId;
};

[[nodiscard]] Envelope envelopeOf(const HeaderView& header);
/// `(date subject from sender reply-to to cc bcc in-reply-to message-id)`, exactly as IMAP sends it.
void appendEnvelope(std::string& out, const Envelope& envelope);

}  // namespace ostler::message
