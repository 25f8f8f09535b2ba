#include "queued/spool/contents.h"

#include <fcntl.h>

#include <algorithm>

namespace ostler::spool {

namespace {

/// What came a moment ago and is kept in memory yet is not read again for its first attempt.
constexpr std::chrono::seconds kJustWritten{60};

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

using LargeCheck = std::function<Result<void>()>;

/// What the pool is to run.
Result<LargeCheck> checkOf(const Environment& env, const Message& message) {
  const Result<MessageRecord> record = env.queue.read(message);
  if (!record) return fail(record.error());
  return LargeCheck([&large = env.large, id = message.id, size = message.size, crc = record->contentCrc] { return large.check(id, size, crc); });
}

}  // namespace

Task<Result<SoundContent>> soundContent(Environment& env, Id128 id) {
  const Message* message = env.queue.find(id);
  if (message == nullptr) co_return fail(Error::Kind::notFound, "the message is gone");
  Result<ContentRange> range = contentRange(env, *message);
  if (!range) co_return fail(range.error());
  const bool isJustWritten = message->extra().fresh && env.now() - message->arrived < kJustWritten;
  if (isJustWritten) co_return SoundContent{std::move(*range), {}};
  if (message->large) {
    const Result<LargeCheck> check = checkOf(env, *message);
    if (!check) co_return fail(check.error());
    const Result<void> sound = co_await env.disk.run(env.loop, *check);
    if (!sound) co_return fail(sound.error());
    co_return SoundContent{std::move(*range), {}};
  }
  const Result<ReadBack> held = holdContent(env.ledger.journal(), env.large, *message, UINT64_MAX);
  if (!held) co_return fail(held.error());
  Result<std::string> octets = co_await env.disk.run(env.loop, *held);
  if (!octets) co_return fail(octets.error());
  if (env.queue.find(id) == nullptr) co_return fail(Error::Kind::notFound, "the message is gone");
  if (octets->size() > kWithRequest) octets->clear();
  co_return SoundContent{std::move(*range), std::move(*octets)};
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
  if (message->large && most >= message->size) {
    const Result<LargeCheck> check = checkOf(env, *message);
    if (!check) co_return fail(check.error());
    const Result<void> sound = co_await env.disk.run(env.loop, *check);
    if (!sound) co_return fail(sound.error());
    message = env.queue.find(id);
    if (message == nullptr) co_return fail(Error::Kind::notFound, "the message is gone");
  }
  const Result<ReadBack> held = holdContent(env.ledger.journal(), env.large, *message, most);
  if (!held) co_return fail(held.error());
  Result<std::string> octets = co_await env.disk.run(env.loop, *held);
  if (!octets) co_return fail(octets.error());
  co_return std::make_shared<const std::string>(std::move(*octets));
}

}  // namespace ostler::spool
