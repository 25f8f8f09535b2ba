#include "queued/spool/acceptance.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "libmailcore/message/header.h"

namespace ostler::spool {

namespace {

constexpr std::uint64_t kFreshMost = 32U << 20;  ///< kept in memory for first deliveries

void logAccepted(const Environment& env, const MessageRecord& record, const std::string* content) {
  env.history.note(record.id, env.now(), acceptedEvent(record));
  const log::Log log = env.log.of(record.origin.virtualServer);
  if (!log.enabled(log::Level::info)) return;
  const std::string& first = record.recipients.empty() ? std::string() : record.recipients.front().recipient.forwardPath;
  log.info("accepted", {{"id", record.id.text()},
                        {"session", record.origin.session.isNull() ? std::string("-") : record.origin.session.text()},
                        {"service", record.origin.service},
                        {"client", record.origin.client},
                        {"user", record.origin.user},
                        {"from", record.reversePath},
                        {"to", first},
                        {"recipients", std::uint64_t{record.recipients.size()}},
                        {"message_id", content == nullptr ? std::string() : message::HeaderView(*content).unfolded("Message-ID")},
                        {"size", record.size}});
}

}  // namespace

std::string acceptedEvent(const MessageRecord& record) {
  std::string to;
  for (std::size_t at = 0; at < std::min<std::size_t>(record.recipients.size(), 5); ++at) {
    to += (at == 0 ? "<" : ",<") + record.recipients[at].recipient.forwardPath + ">";
  }
  return fmt::format("accepted service={} client={} user={} from=<{}> to={} recipients={} size={}", record.origin.service, record.origin.client,
                     record.origin.user, record.reversePath, to, record.recipients.size(), record.size);
}

void Acceptance::appendTo(std::vector<journal::NewRecord>& batch, const MessageRecord& record,
                          std::shared_ptr<const std::string> content) {
  batch.push_back(newRecord(record));
  if (content) batch.push_back({static_cast<std::uint16_t>(RecordType::content), {}, std::move(content)});
}

Task<Result<void>> Acceptance::accept(MessageRecord record, std::shared_ptr<const std::string> content) {
  std::vector<journal::NewRecord> batch;
  appendTo(batch, record, content);
  std::string packed = batch.front().content;
  auto fresh = std::make_shared<const Fresh>(Fresh{std::move(record), std::move(content)});
  const Id128 id = fresh->record.id;
  auto synced = [this, fresh = std::move(fresh), packed = std::move(packed)](const journal::Committed& places) mutable {
    const journal::Position at = places.front();
    const journal::Position contentAt = places.back();
    logAccepted(env_, fresh->record, fresh->content.get());
    const Id128 accepted = fresh->record.id;
    // Beyond the budget, and while nothing is delivered, content is read back from the journal when its turn comes.
    const bool isSoon = fresh->record.handling.holdUntil <= env_.now();
    if (isSoon && env_.queue.freshOctets() < kFreshMost && !env_.queue.isStopped()) {
      env_.queue.insertFresh(std::move(fresh), std::move(packed), at, contentAt);
    } else {
      env_.queue.insert(fresh->record, std::move(packed), at, contentAt);
    }
    wake_(accepted);
  };
  const Result<void> committed = co_await env_.ledger.commit(std::move(batch), std::move(synced));
  if (!committed) env_.log.error("not-accepted", {{"id", id.text()}, {"reason", committed.error().detail}});
  co_return committed;
}

Result<void> Acceptance::hasRoom(std::uint64_t octets) {
  const config::QueueSettings& settings = env_.config->queue;
  if (env_.ledger.stuck()) return fail(Error::Kind::limit, "outcomes cannot be written to the journal");
  if (settings.maxMessages != 0 && env_.queue.messages().size() >= settings.maxMessages) {
    return fail(Error::Kind::limit, "the queue holds as many messages as it may");
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now - spaceLookedAt_ > std::chrono::milliseconds(200)) {
    struct statvfs space {};
    if (::statvfs(env_.config->queueDir().c_str(), &space) == 0) freeOctets_ = std::uint64_t{space.f_bavail} * space.f_frsize;
    spaceLookedAt_ = now;
  }
  const bool aboveFloor = freeOctets_ > settings.freeSpaceFloor && freeOctets_ - settings.freeSpaceFloor > octets;
  if (!aboveFloor || !env_.ledger.journal().hasRoom(octets)) {
    return fail(Error::Kind::limit, "the disk of the queue is (nearly) full");
  }
  return {};
}

}  // namespace ostler::spool
