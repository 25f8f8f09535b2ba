#include "queued/spool/contents.h"

#include <fcntl.h>

#include <algorithm>

namespace ostler::spool {

Result<ContentRange> contentRange(const Environment& env, const Message& message) {
  if (message.large) {
    Result<UniqueFd> file = env.large.read(message.id);
    if (!file) return fail(file.error());
    return ContentRange{std::move(*file), 0, message.size};
  }
  const Result<std::shared_ptr<const journal::SegmentFile>> segment = env.ledger.journal().pin(message.record.segment);
  if (!segment) return fail(segment.error());
  UniqueFd copy(::fcntl((*segment)->fd(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return fail(Error::Kind::temporary, "cannot duplicate a segment's descriptor");
  return ContentRange{std::move(copy), message.contentOffset + journal::kRecordHeader, message.size};
}

Result<ReadBack> holdContent(const journal::Journal& journal, const LargeFiles& large, const Message& message, std::uint64_t most) {
  if (message.large) {
    return ReadBack([&large, id = message.id, length = std::min(most, message.size)]() -> Result<std::string> {
      const Result<UniqueFd> file = large.read(id);
      if (!file) return fail(file.error());
      return readRange(file->get(), 0, length);
    });
  }
  const journal::Position at = message.content();
  const Result<std::shared_ptr<const journal::SegmentFile>> segment = journal.pin(at.segment);
  if (!segment) return fail(segment.error());
  return ReadBack([file = *segment, offset = at.offset] { return file->readRecord(offset); });
}

Task<Result<std::shared_ptr<const std::string>>> readContent(Environment& env, Id128 id, std::uint64_t most) {
  using Content = std::shared_ptr<const std::string>;
  const Message* message = env.queue.find(id);
  if (message == nullptr) co_return fail(Error::Kind::notFound, "the message is gone");
  if (const std::shared_ptr<const Fresh> fresh = message->extra().fresh; fresh && fresh->content) co_return Content(fresh->content);
  const Result<ReadBack> held = holdContent(env.ledger.journal(), env.large, *message, most);
  if (!held) co_return fail(held.error());
  Result<std::string> octets = co_await env.disk.run(env.loop, *held);
  if (!octets) co_return fail(octets.error());
  co_return std::make_shared<const std::string>(std::move(*octets));
}

}  // namespace ostler::spool
