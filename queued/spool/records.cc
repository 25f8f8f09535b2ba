#include "queued/spool/records.h"

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"
#include "libmailcore/ipc/wire.h"

namespace ostler::spool {

namespace {

template <class R>
Result<AnyRecord> decodeAs(std::string_view octets) {
  Result<R> record = ipc::decode<R>(octets);
  if (!record) return fail(record.error());
  return AnyRecord(std::move(*record));
}

bool valid(Hold hold) { return hold <= Hold::frozen; }
bool valid(RecipientState state) { return state <= RecipientState::removed; }
bool valid(const ipc::Handling& handling) {
  return handling.by <= ipc::Handling::By::told && handling.priority >= -9 && handling.priority <= 9;
}

/// Numbers that stand for an enumeration are checked here, so that a switch over them is complete.
bool valid(const AnyRecord& any) {
  if (const auto* message = std::get_if<MessageRecord>(&any)) {
    for (const auto& recipient : message->recipients) {
      if (!valid(recipient.state)) return false;
    }
    return valid(message->hold) && valid(message->handling);
  }
  if (const auto* outcome = std::get_if<OutcomeRecord>(&any)) {
    for (const auto& entry : outcome->entries) {
      if (!valid(entry.state)) return false;
    }
  }
  if (const auto* mark = std::get_if<MarkRecord>(&any)) return mark->kind <= MarkRecord::Kind::moved && valid(mark->hold);
  if (const auto* destination = std::get_if<DestinationRecord>(&any)) return valid(destination->hold);
  return true;
}

Result<AnyRecord> decodeUnchecked(RecordType type, std::string_view octets) {
  switch (type) {
    case RecordType::message: return decodeAs<MessageRecord>(octets);
    case RecordType::outcome: return decodeAs<OutcomeRecord>(octets);
    case RecordType::delivered: return decodeAs<DeliveredRecord>(octets);
    case RecordType::expansion: return decodeAs<ExpansionRecord>(octets);
    case RecordType::mark: return decodeAs<MarkRecord>(octets);
    case RecordType::destination: return decodeAs<DestinationRecord>(octets);
    case RecordType::content: break;
  }
  return fail(Error::Kind::syntax, "spool: a record of an unknown type");
}

}  // namespace

Result<AnyRecord> decodeRecord(std::uint16_t type, std::string_view octets) {
  Result<AnyRecord> record = decodeUnchecked(static_cast<RecordType>(type), octets);
  if (record && !valid(*record)) return fail(Error::Kind::syntax, "spool: a record with a state that does not exist");
  return record;
}

std::string encodeRecord(const AnyRecord& record) {
  return std::visit([](const auto& r) { return ipc::encode(r); }, record);
}

RecordType typeOf(const AnyRecord& record) {
  struct {
    RecordType operator()(const MessageRecord&) const { return RecordType::message; }
    RecordType operator()(const OutcomeRecord&) const { return RecordType::outcome; }
    RecordType operator()(const DeliveredRecord&) const { return RecordType::delivered; }
    RecordType operator()(const ExpansionRecord&) const { return RecordType::expansion; }
    RecordType operator()(const MarkRecord&) const { return RecordType::mark; }
    RecordType operator()(const DestinationRecord&) const { return RecordType::destination; }
  } type;
  return std::visit(type, record);
}

std::string distinctPath(std::string_view forwardPath) {
  const std::size_t at = std::min(forwardPath.rfind('@'), forwardPath.size());
  return std::string(forwardPath.substr(0, at)) + comparableAddress(forwardPath.substr(at));
}

void grow(MessageRecord& record, const ExpansionRecord& expansion) {
  const bool isList = expansion.targets.size() + (expansion.hasMailboxes ? 1 : 0) > 1;
  RecipientRecord child;
  child.recipient = record.recipients[expansion.recipient].recipient;
  child.parent = expansion.recipient;
  // RFC 3461 5.2.7, RFC 6533 3: reports of what an alias leads to name the address that the sender wrote.
  if (child.recipient.orcpt.empty()) child.recipient.orcpt = (isAllAscii(child.recipient.forwardPath) ? "rfc822;" : "utf-8;") + child.recipient.forwardPath;
  // RFC 3461 5.2.7.3: the sender hears "expanded", and of failures.
  if (isList) child.recipient.notify &= static_cast<std::uint8_t>(~ipc::Recipient::kNotifySuccess);
  for (const std::string& target : expansion.targets) {
    child.recipient.forwardPath = target;
    record.recipients.push_back(child);
  }
  if (!expansion.hasMailboxes) record.recipients[expansion.recipient].state = RecipientState::expanded;
}

}  // namespace ostler::spool
