// Whatever a peer calls itself, the trace field stays one field; ids, subjects and reports take any text.
#include <cassert>
#include <cstdint>

#include "libmailcore/message/dsn.h"
#include "libmailcore/message/header.h"
#include "libmailcore/message/message_id.h"
#include "libmailcore/message/mime.h"
#include "libmailcore/message/received.h"
#include "libmailcore/message/subject.h"

using namespace ostler::message;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Received received;
  received.helo = received.clientName = received.by = received.with = received.id = received.forPath = text;
  received.clientAddress = "192.0.2.1";
  const std::string field = writeReceived(received);
  const HeaderView header(field);
  assert(std::distance(header.begin(), header.end()) == 1);
  (void)parseReceived(text);
  (void)threadReferences(text, text);
  const BaseSubject base = baseSubject(text);
  assert(base.text.size() <= size);

  DsnRequest request;
  request.reportingMta = "mail.test";
  request.postmaster = "postmaster@mail.test";
  request.to = "a@b";
  request.messageId = "1@mail.test";
  request.content = text;
  request.returned = DsnReturn::full;
  DsnRecipient recipient;
  recipient.recipient = recipient.originalRecipient = recipient.status = recipient.diagnostic = text;
  request.recipients.push_back(recipient);
  const std::string report = buildDsn(request);
  const Structure structure = parseStructure(report);
  assert(structure.parts.size() >= 4 && structure.parts[2].type.hasType("message"));
  return 0;
}
