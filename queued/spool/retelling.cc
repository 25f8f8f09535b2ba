#include "queued/spool/retelling.h"

#include <fmt/format.h>

#include <utility>

#include "queued/spool/acceptance.h"

namespace ostler::spool {

namespace {

constexpr std::string_view kWhence = "(from the journal: a restart cut the history short)";

History::Retold retold(const Id128& id, WallTime now, std::string_view event, const std::string& path, const std::string& reply) {
  std::string beginning = fmt::format("{} to=<{}>", event, path);
  std::string text = fmt::format("{} reply={} {}", beginning, reply, kWhence);
  return {id, now, std::move(text), std::move(beginning)};
}

}  // namespace

/// One that is known already was moved to the end of the log.
void Retelling::look(const MessageRecord& record, const Queue& queue) {
  if (queue.find(record.id) != nullptr) return;
  const bool isReport = record.origin.service == "report";
  if (isReport) {
    retold_.push_back({record.id, record.arrived, fmt::format("report to=<{}> {}", record.recipients.empty() ? std::string() : record.recipients.front().recipient.forwardPath, kWhence), "report "});
  } else {
    retold_.push_back({record.id, record.arrived, acceptedEvent(record), "accepted "});
  }
}

void Retelling::look(const OutcomeRecord& outcome, const Queue& queue, WallTime now) {
  const Message* const message = queue.find(outcome.id);
  const Result<MessageRecord> record = message == nullptr ? Result<MessageRecord>(fail(Error::Kind::notFound, "gone")) : queue.read(*message);
  if (!record) return;
  for (const OutcomeRecord::Entry& entry : outcome.entries) {
    const char* const event = entry.state == RecipientState::delivered ? "delivered"
                              : entry.state == RecipientState::failed  ? "failed"
                              : entry.state == RecipientState::pending ? "deferred"
                                                                       : nullptr;
    if (event == nullptr || entry.recipient >= record->recipients.size()) continue;
    retold_.push_back(retold(outcome.id, now, event, record->recipients[entry.recipient].recipient.forwardPath, entry.lastReply));
  }
}

void Retelling::lookDelivered(const Id128& id, const Queue& queue, WallTime now) {
  const Message* const message = queue.find(id);
  const Result<MessageRecord> record = message == nullptr ? Result<MessageRecord>(fail(Error::Kind::notFound, "gone")) : queue.read(*message);
  if (!record) return;
  for (const RecipientRecord& one : record->recipients) {
    if (one.state == RecipientState::pending) retold_.push_back(retold(id, now, "delivered", one.recipient.forwardPath, {}));
  }
}

void Retelling::look(const journal::Batch& batch, const Queue& queue, WallTime now) {
  for (const journal::Record& raw : batch.records) {
    if (told_ == journal::Position{} || raw.at < told_ || raw.type == static_cast<std::uint16_t>(RecordType::content)) continue;
    const Result<AnyRecord> record = decodeRecord(raw.type, raw.content);
    if (!record) continue;
    if (const auto* message = std::get_if<MessageRecord>(&*record)) look(*message, queue);
    if (const auto* outcome = std::get_if<OutcomeRecord>(&*record)) look(*outcome, queue, now);
    if (const auto* delivered = std::get_if<DeliveredRecord>(&*record)) {
      for (const Id128& id : delivered->ids) lookDelivered(id, queue, now);
    }
    const auto* mark = std::get_if<MarkRecord>(&*record);
    const bool isTakenAway = mark != nullptr && mark->kind == MarkRecord::Kind::removed && queue.find(mark->id) != nullptr;
    if (isTakenAway) retold_.push_back({mark->id, now, fmt::format("deleted {}", kWhence), "deleted"});
  }
}

}  // namespace ostler::spool
