#include "libmailcore/store/uid_set.h"

#include <algorithm>

namespace ostler::store {
namespace {

// Does `right` start inside `left` or directly behind it? REQUIRES: left.first <= right.first.
bool joins(const UidRange& left, const UidRange& right) {
  return left.last.value == UINT32_MAX || right.first.value <= left.last.value + 1;
}

}  // namespace

UidSet UidSet::of(UidRange range) {
  UidSet set;
  set.add(range);
  return set;
}

UidSet UidSet::fromRanges(std::vector<UidRange> ranges) {
  std::sort(ranges.begin(), ranges.end());
  UidSet set;
  for (const UidRange& range : ranges) set.add(range);
  return set;
}

void UidSet::add(UidRange range) {
  if (ranges_.empty() || (range.first > ranges_.back().last && !joins(ranges_.back(), range))) {
    ranges_.push_back(range);
    return;
  }
  if (range.first >= ranges_.back().first) {
    ranges_.back().last = std::max(ranges_.back().last, range.last);
    return;
  }
  // Somewhere before the end: everything it touches becomes one run.
  auto first = std::find_if(ranges_.begin(), ranges_.end(), [&](const UidRange& run) {
    return run.first >= range.first || joins(run, range);
  });
  auto last = first;
  while (last != ranges_.end() && (last->first <= range.first || joins(range, *last))) {
    range = {std::min(range.first, last->first), std::max(range.last, last->last)};
    ++last;
  }
  ranges_.insert(ranges_.erase(first, last), range);
}

bool UidSet::contains(Uid uid) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), uid,
                                      [](Uid wanted, const UidRange& run) { return wanted < run.first; });
  return after != ranges_.begin() && uid <= std::prev(after)->last;
}

std::uint64_t UidSet::count() const {
  std::uint64_t sum = 0;
  for (const UidRange& run : ranges_) sum += run.count();
  return sum;
}

UidSet UidSet::intersect(const UidSet& other) const {
  UidSet both;
  auto mine = ranges_.begin();
  auto theirs = other.ranges_.begin();
  while (mine != ranges_.end() && theirs != other.ranges_.end()) {
    const UidRange common{std::max(mine->first, theirs->first), std::min(mine->last, theirs->last)};
    if (common.first <= common.last) both.add(common);
    if (mine->last < theirs->last) {
      ++mine;
    } else {
      ++theirs;
    }
  }
  return both;
}

UidSet UidSet::without(const UidSet& other) const {
  UidSet rest;
  auto hole = other.ranges_.begin();
  for (UidRange run : ranges_) {
    while (hole != other.ranges_.end() && hole->last < run.first) ++hole;
    bool open = true;
    for (auto at = hole; at != other.ranges_.end() && at->first <= run.last; ++at) {
      if (at->first > run.first) rest.add(UidRange{run.first, Uid{at->first.value - 1}});
      if (at->last >= run.last) {
        open = false;
        break;
      }
      run.first = Uid{at->last.value + 1};
    }
    if (open) rest.add(run);
  }
  return rest;
}

std::string UidSet::text() const {
  std::string out;
  for (const UidRange& run : ranges_) {
    if (!out.empty()) out += ',';
    out += std::to_string(run.first.value);
    if (run.first != run.last) out += ':' + std::to_string(run.last.value);
  }
  return out;
}

}  // namespace ostler::store
