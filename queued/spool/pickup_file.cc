#include "queued/spool/pickup_file.h"

#include <algorithm>
#include <iterator>
#include <unordered_set>

#include "libmailcore/base/ascii.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/message/address_list.h"
#include "libmailcore/message/header.h"
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

std::string withoutBrackets(std::string_view value) {
  std::string path = message::unfold(value);
  if (path.starts_with('<') && path.ends_with('>')) path = path.substr(1, path.size() - 2);
  return path;
}

/// Nothing that could break out of an SMTP command line.
bool isPath(std::string_view path) {
  return !path.empty() && path.size() <= 512 && std::none_of(path.begin(), path.end(), [](char c) {
    return isAsciiControl(c) || c == ' ' || c == '<' || c == '>';
  });
}

void addAll(std::vector<std::string>& paths, const message::HeaderView& header, std::string_view name) {
  for (const message::HeaderField& field : header.findAll(name)) {
    for (const message::Mailbox& mailbox : message::mailboxesOf(message::parseAddressList(field.value))) {
      paths.push_back(mailbox.address());
    }
  }
}

bool isTakenOut(std::string_view name) {
  constexpr std::string_view kNames[] = {"X-Sender", "X-Receiver", "X-Notify", "X-Return", "X-Envelope-Id", "Bcc"};
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

}  // namespace

Result<PickupFile> parsePickupFile(std::string_view octets) {
  const std::string whole = withCrlf(octets);
  const message::HeaderView header(whole);
  if (header.fieldsLength() == 0) return fail(Error::Kind::syntax, "the file does not start with a message's header");
  PickupFile file;
  bool hasSender = false;
  for (const message::HeaderField& field : header) {
    if (field.name.empty()) return fail(Error::Kind::syntax, "a line of the header is no field: " + printable(trim(field.value), 60));
    if (equalsIgnoreCase(field.name, "X-Sender")) {
      file.reversePath = withoutBrackets(field.value);
      hasSender = true;
    } else if (equalsIgnoreCase(field.name, "X-Receiver")) {
      file.forwardPaths.push_back(withoutBrackets(field.value));
    } else if (equalsIgnoreCase(field.name, "X-Notify")) {
      file.notify = notifyOf(field.value);
    } else if (equalsIgnoreCase(field.name, "X-Return")) {
      file.returnFull = equalsIgnoreCase(trim(field.value), "full");
    } else if (equalsIgnoreCase(field.name, "X-Envelope-Id")) {
      file.envid = printable(trim(field.value), 100);  // RFC 3461 4.4
    }
    if (!isTakenOut(field.name)) file.content.append(whole, field.offset, field.length);
  }
  if (!hasSender) {
    std::vector<std::string> from;
    addAll(from, header, "Sender");
    if (from.empty()) addAll(from, header, "From");
    if (from.empty()) return fail(Error::Kind::syntax, "there is no sender: neither X-Sender nor Sender nor From");
    file.reversePath = from.front();
  }
  if (file.forwardPaths.empty()) {
    for (const char* name : {"To", "Cc", "Bcc"}) addAll(file.forwardPaths, header, name);
  }
  if (file.forwardPaths.empty()) return fail(Error::Kind::syntax, "there is no recipient: neither X-Receiver nor To, Cc or Bcc");
  for (const std::string& path : file.forwardPaths) {
    if (!isPath(path)) return fail(Error::Kind::syntax, "a recipient is no address: " + printable(path, 60));
  }
  if (!file.reversePath.empty() && !isPath(file.reversePath)) {
    return fail(Error::Kind::syntax, "the sender is no address: " + printable(file.reversePath, 60));
  }
  std::unordered_set<std::string> seen;
  std::erase_if(file.forwardPaths, [&seen](const std::string& path) { return !seen.insert(distinctPath(path)).second; });
  file.content += "\r\n";
  file.content.append(whole, header.length(), std::string::npos);
  return file;
}

}  // namespace ostler::spool
