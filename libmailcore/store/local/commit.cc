// The second half of account.h: what happens while the account's lock is held.
// roll forward -> plan and append each change -> one fdatasync -> one index transaction -> tell.

#include <fcntl.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "libmailcore/store/local/account.h"
#include "libmailcore/store/local/lock.h"

namespace ostler::store::local {
namespace {

constexpr std::uint64_t kFirstSegment = 256 << 10;  // an account that gets little mail takes little space
constexpr std::uint64_t kLargestSegment = 16 << 20;
constexpr std::uint64_t kSpaceReserve = 8 << 20;  // for the index, which must not find the disk full after the log was synced

}  // namespace

// Commits operations from `from` on, as many as go together, and returns the first that is left.
std::size_t AccountFolder::commitSome(const Operations& operations, std::size_t from) {
  std::vector<Result<void>> outcomes;
  const Result<void> committed = guarded([&] { return tryCommit(operations, from, outcomes); });
  if (!committed) {
    services_.log.error("store-commit-failed", {{"account", id_.text()}, {"why", committed.error().detail}});
    if (outcomes.empty()) outcomes.resize(operations.size() - from);
  }
  const Result<void> why = !committed && unsettled_ ? fail(Error::Kind::outcomeUnknown, committed.error().detail) : committed;
  for (std::size_t at = 0; at < outcomes.size(); ++at) {
    operations[from + at]->done(committed || !outcomes[at] ? outcomes[at] : why);
  }
  return from + outcomes.size();
}

// An operation that fails after it changed the transaction ends the group: the transaction is dropped, and what was appended
// before it is read back from the log. So the log stays the only truth.
Result<void> AccountFolder::tryCommit(const Operations& operations, std::size_t from, std::vector<Result<void>>& outcomes) {
  unsettled_ = false;
  if (const Result<void> turn = takeTurn(); !turn) return turn;
  if (const Result<void> left = leavePoisonedSegment(); !left) return left;
  bool spoiled = false;
  {
    Index::Write write(index_);
    Apply apply(write, [this](const Arrival& arrival) { return readMessageFile(arrival); });
    bool changed = rollForward(apply);
    for (std::size_t at = from; at < operations.size() && !spoiled; ++at) {
      Result<void> outcome;
      const Step step = planAndAppend(*operations[at], apply, outcome);
      changed = changed || step == Step::appended || apply.hasRenewed();
      spoiled = step == Step::spoiled;
      outcomes.push_back(std::move(outcome));
    }
    const Result<void> synced = writer_ ? writer_->sync() : Result<void>();
    if (!synced) {
      unsettled_ = unsettled_ && !leavePoisonedSegment();
      return synced;
    }
    if (!changed && !spoiled) {
      endIsKnown_ = true;
      return {};
    }
    if (!spoiled) {
      apply.finish(end_);
      write.commit();  // should it fail the log has it all, and the next roll-forward makes it true
      endIsKnown_ = true;
      tellAndClean(apply);
      return {};
    }
  }
  Index::Write write(index_);
  Apply apply(write, [this](const Arrival& arrival) { return readMessageFile(arrival); });
  (void)rollForward(apply);
  apply.finish(end_);
  write.commit();
  tellAndClean(apply);
  return {};
}

AccountFolder::Step AccountFolder::planAndAppend(Operation& operation, Apply& apply, Result<void>& outcome) {
  const std::uint64_t expected = operation.contentSpan();
  outcome = expected > 0 ? checkSpace(expected) : Result<void>();
  if (outcome) outcome = ensureRoom(expected);
  if (!outcome) return Step::refused;
  Quota limits;
  {
    const std::scoped_lock lock(queueMutex_);
    limits = limits_;
  }
  Planner planner(apply, {end_.segment, end_.offset}, limits);
  try {
    outcome = operation.plan(planner);
  } catch (const IndexFailure& failure) {
    outcome = fail(failure.kind, failure.what());
    return Step::spoiled;  // whatever it was doing to the transaction
  }
  if (!outcome) return planner.records().empty() ? Step::refused : Step::spoiled;
  if (planner.records().empty()) return Step::nothing;
  std::vector<journal::SegmentWriter::Item> items;
  std::uint64_t spans = 0;
  for (const Planner::Encoded& record : planner.records()) {
    items.push_back({record.type, record.content});
    spans += journal::recordSpan(record.content.size());
  }
  // Places of content were given by what was expected; a batch without content may still move to a new segment.
  if (expected > 0 && spans > expected) outcome = fail(Error::Kind::permanent, "store: a batch is larger than announced");
  if (outcome) outcome = ensureRoom(spans);
  unsettled_ = unsettled_ || outcome;
  const auto places = outcome ? writer_->append(items) : Result<std::vector<journal::Position>>(fail(outcome.error()));
  if (!places) {
    outcome = fail(places.error());
    return Step::spoiled;
  }
  end_ = writer_->end();
  return Step::appended;
}

// While nobody else writes, the log ends where we left it, and nobody need look. Unless something fails on the way: then it is not
// known any more.
Result<void> AccountFolder::takeTurn() {
  const bool isOurs = wroteLast(lock_.get(), writerId_);
  endIsKnown_ = endIsKnown_ && isOurs;
  return isOurs ? Result<void>() : leaveMark(lock_.get(), writerId_);
}

/// Applies what other processes appended and did not apply (they died in between), and learns where the log ends.
bool AccountFolder::rollForward(Apply& apply) {
  const auto octets = apply.txn().get(Table::state, kLogEndKey);
  const journal::LogEnd known = octets ? logEndRow(*octets) : journal::LogEnd{};
  if (std::exchange(endIsKnown_, false) && known == end_) return false;
  if (known.segment == 0) {
    const auto segments = journal::listSegments(log_.get());
    if (segments && !segments->empty() && segments->front() != 1) {
      raise({Error::Kind::permanent, "the index is empty and the log begins with a snapshot; run `ostler mailbox rebuild`"});
    }
  }
  std::string damage;
  bool found = false;
  const auto end = journal::replayFrom(log_.get(), known, [&](const journal::Batch& batch) {
    for (const journal::Record& record : batch.records) {
      const auto decoded = decode(record.type, record.content);
      if (!decoded) damage = decoded.error().detail;
      if (!decoded) return false;
      apply.record(*decoded, record.at, record.content.size());
    }
    found = true;
    return true;
  });
  if (!end) raise(end.error());
  if (!damage.empty()) raise({Error::Kind::permanent, damage});
  end_ = *end;
  if (end_.segment != known.segment) {  // whoever made it may have died before its name was durable
    const Result<void> named = disk().syncFolder(log_.get());
    if (!named) raise(named.error());
  }
  if (!found) return *end != known;
  // It may have been appended and never synced: then the index would say what a power cut takes from the log.
  auto writer = journal::SegmentWriter::resume(log_.get(), end_, disk());
  if (!writer) raise(writer.error());
  writer_ = std::move(*writer);
  return true;
}

Result<void> AccountFolder::ensureRoom(std::uint64_t spans) {
  // Never opened again by its name: what it holds and could not sync would pass for synced.
  if (writer_ && writer_->poisoned()) return fail(Error::Kind::temporary, "store: an earlier write or sync of the segment failed");
  if (writer_ && writer_->end() != end_) writer_.reset();
  if (!writer_ && end_.segment != 0) {
    // The process that wrote last synced before it told the index, so this needs no sync of its own.
    const auto segment = journal::SegmentFile::open(log_.get(), end_.segment);
    if (!segment) return fail(segment.error());
    if ((*segment)->header().user > kFormatVersion) return fail(newerVersion());
    auto fd = disk().open(log_.get(), journal::segmentName(end_.segment), O_RDWR);
    if (!fd) return fail(Error::Kind::temporary, fd.error().detail);
    writer_ = std::make_unique<journal::SegmentWriter>(std::move(*fd), (*segment)->header(), end_, disk());
  }
  if (writer_ && writer_->fits(spans)) return {};
  if (writer_) {
    const Result<void> synced = writer_->sync();
    if (!synced) return synced;
  }
  return newSegment(spans, end_.nextBatch);
}

Result<void> AccountFolder::newSegment(std::uint64_t spans, std::uint64_t firstBatch, Size size) {
  journal::SegmentHeader header;
  header.id = Id128::make(SystemClock().now());
  header.number = (writer_ ? writer_->header().number : 0) + 1;
  header.firstBatch = firstBatch;
  header.user = kFormatVersion;
  header.size = kFirstSegment;
  if (writer_) {
    header.predecessor = writer_->header().id;
    if (size == Size::grown) header.size = std::clamp(writer_->header().size * 2, kFirstSegment, kLargestSegment);
  }
  header.size = std::max(header.size, journal::kSegmentStart + spans);
  auto created = journal::SegmentWriter::create(log_.get(), header, "", disk());
  // It may be there now, and after a power cut: nothing may follow in the segment before it. The next turn finds it, or not.
  if (!created && created.error().kind == Error::Kind::outcomeUnknown) {
    writer_.reset();
    endIsKnown_ = false;
    raise({Error::Kind::temporary, created.error().detail});
  }
  if (!created) return fail(created.error());
  writer_ = std::move(*created);
  end_ = writer_->end();
  return {};
}

// What this process appended and could not sync must not come to count. Unless another process took over meanwhile: it read the
// batch, synced it and made it true; then the segment is simply no longer ours.
Result<void> AccountFolder::leavePoisonedSegment() {
  if (!writer_ || !writer_->poisoned()) return {};
  const Index::Read read(index_);
  const auto octets = read.get(Table::state, kLogEndKey);
  const journal::LogEnd known = octets ? logEndRow(*octets) : journal::LogEnd{};
  const auto next = journal::SegmentFile::open(log_.get(), writer_->header().number + 1);
  if (next || known.nextBatch > writer_->syncedThrough() + 1) {
    writer_.reset();
    return {};
  }
  return newSegment(0, writer_->syncedThrough() + 1);
}

Result<void> AccountFolder::checkSpace(std::uint64_t octets) const {
  struct statvfs info{};
  if (::fstatvfs(log_.get(), &info) != 0) return fail(Error::Kind::temporary, "store: the file system does not answer");
  const std::uint64_t available = std::uint64_t{info.f_bavail} * info.f_frsize;
  if (available / 2 > octets && available > kSpaceReserve) return {};
  return fail(Error::Kind::limit, "store: the disk is full");
}

void AccountFolder::tellAndClean(const Apply& apply) {
  released_ += apply.released();
  for (const std::string& name : apply.deadFiles()) (void)disk().unlink(log_.get(), name);
  if (services_.notifier != nullptr) services_.notifier->tell(id_, apply.changes());
}

}  // namespace ostler::store::local
