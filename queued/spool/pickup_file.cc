#include "queued/spool/pickup_file.h"

#include <algorithm>
#include <iterator>
#include <unordered_set>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/header.h"
#include "libmailcore/message/named_recipients.h"
#include "libmailcore/smtp/path.h"
#include "queued/spool/records.h"

namespace ostler::spool {

namespace {

std::string withCrlf(std::string_view octets) {
  std::string out;
  out.reserve(octets.size() + octets.size() / 32);
  for (std::size_t at = 0; at < octets.size(); ++at) {
    if (octets[at] == '\r' && at + 1 < octets.size() && octets[at + 1] == '\n') continue;
    out += octets[at] == '\n' ? std::string_view("\r\n") : octets.substr(at, 1);
  }
  if (!out.empty() && !out.ends_with("\r\n")) out += "\r\n";
  return out;
}

/// The fields of the envelope, which count at the top alone.
bool isOfEnvelope(std::string_view name) {
  constexpr std::string_view kNames[] = {"X-Sender", "X-Receiver", "X-Notify", "X-Return", "X-Envelope-Id"};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](std::string_view other) { return equalsIgnoreCase(name, other); });
}

std::uint8_t notifyOf(std::string_view words) {
  std::uint8_t notify = ipc::Recipient::kNotifyNever;
  for (const std::string_view word : split(words, ',')) {
    if (equalsIgnoreCase(trim(word), "success")) notify |= ipc::Recipient::kNotifySuccess;
    if (equalsIgnoreCase(trim(word), "failure")) notify |= ipc::Recipient::kNotifyFailure;
    if (equalsIgnoreCase(trim(word), "delay")) notify |= ipc::Recipient::kNotifyDelay;
  }
  return notify;
}

ipc::Returned returnedOf(std::string_view word) {
  if (equalsIgnoreCase(word, "full")) return ipc::Returned::full;
  return equalsIgnoreCase(word, "hdrs") ? ipc::Returned::headers : ipc::Returned::notSaid;
}

void takeEnvelopeField(PickupFile& file, const message::HeaderField& field) {
  const std::string value = message::unfold(field.value);
  if (equalsIgnoreCase(field.name, "X-Sender")) file.reversePath = value;
  if (equalsIgnoreCase(field.name, "X-Receiver")) file.forwardPaths.push_back(value);
  if (equalsIgnoreCase(field.name, "X-Notify")) file.notify = notifyOf(value);
  if (equalsIgnoreCase(field.name, "X-Return")) file.returned = returnedOf(trim(value));
  if (equalsIgnoreCase(field.name, "X-Envelope-Id")) file.envid = printable(trim(value), 100);  // RFC 3461 4.4
}

/// One that cannot be sent to keeps the file as a whole: whoever dropped it mends it and drops it again.
Result<void> checkPaths(PickupFile& file) {
  for (std::string& path : file.forwardPaths) {
    Result<std::string> parsed = smtp::parsePlainPath(path);
    if (!parsed) return fail(Error::Kind::syntax, "a recipient is no address, so it went to nobody: " + printable(path, 60));
    path = std::move(*parsed);
  }
  if (file.reversePath.empty() || file.reversePath == "<>") {
    file.reversePath.clear();
    return {};
  }
  Result<std::string> parsed = smtp::parsePlainPath(file.reversePath);
  if (!parsed) return fail(Error::Kind::syntax, "the sender is no address: " + printable(file.reversePath, 60));
  file.reversePath = std::move(*parsed);
  return {};
}

}  // namespace

Result<PickupFile> parsePickupFile(std::string_view octets) {
  const std::string whole = withCrlf(octets);
  const message::HeaderView header(whole);
  if (header.fieldsLength() == 0) return fail(Error::Kind::syntax, "the file does not start with a message's header");
  PickupFile file;
  bool hasSender = false;
  bool isAtTop = true;
  for (const message::HeaderField& field : header) {
    if (field.name.empty()) return fail(Error::Kind::syntax, "a line of the header is no field: " + printable(trim(field.value), 60));
    isAtTop = isAtTop && isOfEnvelope(field.name);
    if (isAtTop) {
      takeEnvelopeField(file, field);
      hasSender = hasSender || equalsIgnoreCase(field.name, "X-Sender");
    } else if (!message::isBlindCopy(field.name)) {
      file.content.append(whole, field.offset, field.length);
    }
  }
  if (!hasSender) file.reversePath = message::namedSender(header);
  if (!hasSender && file.reversePath.empty()) return fail(Error::Kind::syntax, "there is no sender: neither X-Sender nor Sender nor From");
  if (file.forwardPaths.empty()) file.forwardPaths = message::namedRecipients(header);
  if (file.forwardPaths.empty()) return fail(Error::Kind::syntax, "there is no recipient: neither X-Receiver nor To, Cc or Bcc");
  const Result<void> checked = checkPaths(file);
  if (!checked) return fail(checked.error());
  std::unordered_set<std::string> seen;
  std::erase_if(file.forwardPaths, [&seen](const std::string& path) { return !seen.insert(distinctPath(path)).second; });
  file.content += "\r\n";
  file.content.append(whole, header.length(), std::string::npos);
  return file;
}

}  // namespace ostler::spool
