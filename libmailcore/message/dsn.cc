#include "libmailcore/message/dsn.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/charset.h"
#include "libmailcore/message/date_time.h"
#include "libmailcore/message/dsn_text.h"
#include "libmailcore/message/encoded_word.h"
#include "libmailcore/message/header.h"
#include "libmailcore/message/message_id.h"
#include "libmailcore/message/octet_scan.h"

namespace ostler::message {
namespace {

std::string_view actionName(DsnAction action) {
  switch (action) {
    case DsnAction::failed:
      return "failed";
    case DsnAction::delayed:
      return "delayed";
    case DsnAction::delivered:
      return "delivered";
    case DsnAction::relayed:
      return "relayed";
    case DsnAction::expanded:
      return "expanded";
  }
  return "failed";
}

// A field's text is one line, whatever a remote server said.
std::string oneLine(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (isAsciiControl(c)) c = ' ';
  }
  return std::string(trim(out));
}

/// With the longest name of a field it stays below the 998 octets of RFC 5322 2.1.1.
constexpr std::size_t kLongestValue = 900;

void field(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  std::string line = oneLine(value);
  if (line.size() > kLongestValue) line = std::string(cutUtf8(line, kLongestValue)) + "...";
  out.append(name).append(": ").append(line).append("\r\n");
}

/// What others said, as the part may hold it: ASCII, or UTF-8 in a global one. RFC 3464 2.1.2, RFC 6533 4.
std::string asCharset(std::string_view said, bool utf8) {
  if (utf8) return guessUtf8(said);
  std::string out(said);
  std::replace_if(out.begin(), out.end(), [](char c) { return !isAscii(c); }, '?');
  return out;
}

/// "rfc822; a@b", or the UTF-8 address type: as it is where the report may be UTF-8, else with \x{HEX}. RFC 6533 3.
class AddressWriter {
 public:
  explicit AddressWriter(bool utf8) : utf8_(utf8) {}
  [[nodiscard]] std::string typed(std::string_view address) const {
    if (isAllAscii(address)) return "rfc822; " + std::string(address);
    return "utf-8; " + (utf8_ ? std::string(address) : escaped(address));
  }
  /// ORCPT comes with its type.
  [[nodiscard]] std::string original(std::string_view typeAndAddress) const {
    const std::size_t semicolon = typeAndAddress.find(';');
    if (semicolon == std::string_view::npos) return typed(typeAndAddress);
    const std::string_view address = trim(typeAndAddress.substr(semicolon + 1));
    if (!isAllAscii(address)) return typed(address);
    return std::string(typeAndAddress.substr(0, semicolon)) + "; " + std::string(address);
  }

 private:
  // utf-8-addr-xtext of a UTF-8 address
  static std::string escaped(std::string_view address) {
    std::string out;
    for (std::size_t at = 0; at < address.size();) {
      const auto lead = static_cast<unsigned char>(address[at]);
      const std::size_t length = std::min<std::size_t>(lead < 0x80   ? 1
                                                       : lead < 0xE0 ? 2
                                                       : lead < 0xF0 ? 3
                                                                     : 4,
                                                       address.size() - at);
      std::uint32_t code = length == 1 ? lead : lead & (0x7FU >> length);
      for (std::size_t i = 1; i < length; ++i) code = code << 6 | (static_cast<unsigned char>(address[at + i]) & 0x3FU);
      out += length == 1 ? std::string(1, address[at]) : fmt::format("\\x{{{:X}}}", code);
      at += length;
    }
    return out;
  }
  bool utf8_;
};

bool anyUtf8Address(const DsnRequest& request) {
  return std::any_of(request.recipients.begin(), request.recipients.end(), [](const DsnRecipient& recipient) {
    return !isAllAscii(recipient.recipient) || !isAllAscii(recipient.originalRecipient);
  });
}

// RFC 3464 2.3
std::string recipientFields(const DsnRecipient& recipient, bool utf8) {
  const AddressWriter addresses(utf8);
  std::string out;
  if (!recipient.originalRecipient.empty())
    field(out, "Original-Recipient", addresses.original(recipient.originalRecipient));
  field(out, "Final-Recipient", addresses.typed(recipient.recipient));
  field(out, "Action", actionName(recipient.action));
  field(out, "Status", recipient.status);
  if (!recipient.remoteMta.empty()) field(out, "Remote-MTA", "dns; " + asCharset(recipient.remoteMta, utf8));
  if (!recipient.diagnostic.empty()) {
    field(out, "Diagnostic-Code", (recipient.diagnosticIsSmtp ? "smtp; " : "X-Ostler; ") + asCharset(recipient.diagnostic, utf8));
  }
  if (recipient.lastAttempt) field(out, "Last-Attempt-Date", formatDateTime(*recipient.lastAttempt));
  if (recipient.willRetryUntil) field(out, "Will-Retry-Until", formatDateTime(*recipient.willRetryUntil));
  return out;
}

// RFC 3464 2.1, 2.2; RFC 2852 5
std::string statusPart(const DsnRequest& request, bool global) {
  std::string out = global ? "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n"
                           : "Content-Type: message/delivery-status\r\n";
  out += "Content-Description: Delivery report\r\n\r\n";
  field(out, "Original-Envelope-Id", asCharset(request.envelopeId, global));
  field(out, "Reporting-MTA", "dns; " + request.reportingMta);
  field(out, "X-Ostler-Queue-Id", request.queueId);
  field(out, "Arrival-Date", formatDateTime(request.arrived));
  if (request.deliverBy) field(out, "Deliver-By-Date", formatDateTime(*request.deliverBy));
  if (request.heldUntil) {  // date-time of RFC 3339
    const std::time_t until = std::chrono::system_clock::to_time_t(*request.heldUntil);
    field(out, "Future-Release-Request", fmt::format("until; {:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(until)));
  }
  for (const DsnRecipient& recipient : request.recipients) out += "\r\n" + recipientFields(recipient, global);
  return out;
}

// The message that is reported on, whole or its header: RFC 3461 4.3, RFC 6522 4, RFC 6533 4.
std::string returnedPart(const DsnRequest& request) {
  const bool full = request.returned == DsnReturn::full && request.content.size() <= request.maxReturnedOctets;
  const HeaderView header(request.content);
  const std::string_view octets = full ? request.content : header.text().substr(0, header.fieldsLength());
  const bool global = request.smtpUtf8 && has8Bit(header.text());
  std::string out = "Content-Type: ";
  if (full) {
    out += global ? "message/global" : "message/rfc822";
  } else {
    out += global ? "message/global-headers" : "text/rfc822-headers";
  }
  out += "\r\nContent-Description: ";
  out += full ? "The message" : "The message's header";
  if (has8Bit(octets)) out += "\r\nContent-Transfer-Encoding: 8bit";
  out += "\r\n\r\n";
  out += octets;
  return out;
}

// Stands nowhere in what it separates.
std::string boundaryFor(const DsnRequest& request) {
  std::string boundary = "=_report_" + request.queueId;
  std::erase_if(boundary, [](char c) { return !isAsciiAlnum(c) && c != '=' && c != '_'; });
  while (request.content.find(boundary) != std::string_view::npos) boundary += '_';
  return boundary;
}

std::string subjectLine(const DsnRequest& request) {
  constexpr std::size_t kLongestSubject = 200;
  std::string subject = decodeEncodedWords(HeaderView(request.content).unfolded("Subject"));
  if (subject.size() > kLongestSubject) {
    subject = std::string(cutUtf8(subject, kLongestSubject)) + "...";
  }
  const std::string prefix = dsnSubject(request);
  return encodeWords(oneLine(subject.empty() ? prefix : prefix + ": " + subject), 9);
}

std::string reportHeader(const DsnRequest& request, std::string_view boundary) {
  std::string out;
  field(out, "From", "Mail Delivery System <" + request.postmaster + ">");
  field(out, "To", "<" + request.to + ">");
  out += "Subject: " + subjectLine(request) + "\r\n";
  field(out, "Date", formatDateTime(request.now));
  field(out, "Message-ID", "<" + request.messageId + ">");
  const std::string original = firstMessageId(HeaderView(request.content).unfolded("Message-ID"));
  if (!original.empty()) {
    field(out, "In-Reply-To", "<" + original + ">");
    field(out, "References", "<" + original + ">");
  }
  field(out, "Auto-Submitted", "auto-replied");  // RFC 3834 5: no program answers it
  field(out, "MIME-Version", "1.0");
  out += "Content-Type: multipart/report; report-type=";
  out += anyUtf8Address(request) && request.smtpUtf8 ? "global-delivery-status" : "delivery-status";
  out.append(";\r\n\tboundary=\"").append(boundary).append("\"\r\n\r\n");
  return out;
}

}  // namespace

std::string buildDsn(const DsnRequest& request) {
  const std::string boundary = boundaryFor(request);
  const std::string delimiter = "\r\n--" + boundary + "\r\n";
  std::string out = reportHeader(request, boundary);
  out += "This is a delivery report in MIME format." + delimiter;
  const std::string words = dsnText(request);
  out += "Content-Type: text/plain; charset=utf-8\r\n";
  if (!isAllAscii(words)) out += "Content-Transfer-Encoding: 8bit\r\n";
  out += "Content-Description: What happened\r\n\r\n" + words + delimiter;
  out += statusPart(request, anyUtf8Address(request) && request.smtpUtf8) + delimiter;
  out += returnedPart(request);
  out += "\r\n--" + boundary + "--\r\n";
  return out;
}

}  // namespace ostler::message
