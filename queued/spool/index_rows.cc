#include "queued/spool/index_rows.h"

#include "queued/spool/queue.h"

namespace ostler::spool {

Message messageOf(const Id128& id, const StateView& row) {
  Message message;
  message.id = id;
  message.record = {row.segment, row.offset};
  message.contentOffset = row.contentOffset;
  message.size = row.size;
  message.arrived = row.arrived;
  message.hold = row.hold;
  message.large = row.large;
  message.delayTold = row.delayTold;
  message.grown = row.grown;
  if (row.expiresAt != WallTime{}) message.changeExtra().expiresAt = row.expiresAt;
  if (!row.movedTo.empty()) message.changeExtra().movedTo = row.movedTo;
  if (row.giveBackAt != WallTime{}) message.changeExtra().giveBackAt = row.giveBackAt;
  message.recipients.growTo(row.recipients.size());
  for (std::size_t at = 0; at < row.recipients.size(); ++at) {
    const StateView::Recipient& from = row.recipients[at];
    RecipientNow& to = message.recipients[at];
    to.state = from.state;
    to.attempts = from.attempts;
    to.due = from.due;
    to.hasReplyStored = !from.lastReply.empty();
  }
  return message;
}

StateRow rowOf(const Message& message) {
  StateRow row;
  row.segment = message.record.segment;
  row.offset = message.record.offset;
  row.contentOffset = message.contentOffset;
  row.size = message.size;
  row.arrived = message.arrived;
  row.hold = message.hold;
  row.large = message.large;
  row.delayTold = message.delayTold;
  row.grown = message.grown;
  const Extra& extra = message.extra();
  if (extra.giveBackAt != WallTime::max()) row.giveBackAt = extra.giveBackAt;
  row.expiresAt = extra.expiresAt;
  row.movedTo = extra.movedTo;
  row.recipients.reserve(message.recipients.size());
  for (const RecipientNow& from : message.recipients) {
    row.recipients.push_back({from.state, from.attempts, from.due, from.lastReply ? *from.lastReply : std::string()});
  }
  return row;
}

}  // namespace ostler::spool
