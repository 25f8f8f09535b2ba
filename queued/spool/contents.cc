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

Task<Result<std::shared_ptr<const std::string>>> readContent(Environment& env, Id128 id, std::uint64_t most) {
  using Content = std::shared_ptr<const std::string>;
  const Message* message = env.queue.find(id);
  if (message == nullptr) co_return fail(Error::Kind::notFound, "the message is gone");
  if (const std::shared_ptr<const Fresh> fresh = message->extra().fresh; fresh && fresh->content) co_return Content(fresh->content);
  if (message->large) {
    const std::uint64_t length = std::min(most, message->size);
    const LargeFiles& large = env.large;
    auto job = [&large, id, length]() -> Result<std::string> {
      Result<UniqueFd> file = large.read(id);
      if (!file) return fail(file.error());
      return readRange(file->get(), 0, length);
    };
    Result<std::string> octets = co_await env.disk.run(env.loop, std::move(job));
    if (!octets) co_return fail(octets.error());
    co_return std::make_shared<const std::string>(std::move(*octets));
  }
  // Held from here on: a message that is moved before the job's turn is read where it was, though its segment be retired.
  const journal::Position at = message->content();
  const Result<std::shared_ptr<const journal::SegmentFile>> segment = env.ledger.journal().pin(at.segment);
  if (!segment) co_return fail(segment.error());
  auto job = [file = *segment, offset = at.offset] { return file->readRecord(offset); };
  Result<std::string> octets = co_await env.disk.run(env.loop, std::move(job));
  if (!octets) co_return fail(octets.error());
  co_return std::make_shared<const std::string>(std::move(*octets));
}

}  // namespace ostler::spool
