#include "imapd/view.h"

#include <algorithm>

namespace ostler::imap {
namespace {

// A difference larger than this is worth a list of its own.
constexpr std::size_t kMaxDifference = 512;

std::uint32_t narrow(std::ptrdiff_t n) {
  return static_cast<std::uint32_t>(n);
}

}  // namespace

Uid Numbers::uid(SequenceNumber number) const {
  const std::size_t index = number.value - 1;
  const std::size_t inBase = baseCount_ - removed_.size();
  if (index >= inBase) return Uid{added_[index - inBase]};
  // The answer lies `skipped` places further, where `skipped` removed ones come before it.
  std::size_t low = 0;
  std::size_t high = removed_.size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    const auto place =
        static_cast<std::size_t>(std::lower_bound(baseBegin(), baseEnd(), removed_[middle]) - baseBegin());
    if (place - middle <= index) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return Uid{(*base_)[index + low]};
}

std::optional<SequenceNumber> Numbers::number(Uid uid) const {
  const auto inBase = std::lower_bound(baseBegin(), baseEnd(), uid.value);
  if (inBase != baseEnd()) {
    const auto gone = std::lower_bound(removed_.begin(), removed_.end(), uid.value);
    if (*inBase != uid.value || (gone != removed_.end() && *gone == uid.value)) return std::nullopt;
    return SequenceNumber{narrow(inBase - baseBegin() - (gone - removed_.begin())) + 1};
  }
  const auto inAdded = std::lower_bound(added_.begin(), added_.end(), uid.value);
  if (inAdded == added_.end() || *inAdded != uid.value) return std::nullopt;
  return SequenceNumber{static_cast<std::uint32_t>(baseCount_ - removed_.size()) + narrow(inAdded - added_.begin()) +
                        1};
}

// A run of numbers is a run of UIDs: what lies between in UIDs lies between in numbers.
UidSet Numbers::uids(const std::vector<SequenceSet::Range>& numbers) const {
  std::vector<store::UidRange> ranges;
  ranges.reserve(numbers.size());
  for (const auto& range : numbers) ranges.push_back({uid({range.first}), uid({range.last})});
  return UidSet::fromRanges(std::move(ranges));
}

std::vector<Uid> Numbers::known(const UidSet& uids) const {
  std::vector<Uid> found;
  for (const store::UidRange& range : uids.ranges()) {
    for (auto at = std::lower_bound(baseBegin(), baseEnd(), range.first.value);
         at != baseEnd() && *at <= range.last.value; ++at) {
      if (!std::binary_search(removed_.begin(), removed_.end(), *at)) found.push_back(Uid{*at});
    }
    for (auto at = std::lower_bound(added_.begin(), added_.end(), range.first.value);
         at != added_.end() && *at <= range.last.value; ++at) {
      found.push_back(Uid{*at});
    }
  }
  return found;
}

Numbers Numbers::flattened() const {
  auto list = std::make_shared<std::vector<std::uint32_t>>();
  list->reserve(count());
  std::set_difference(baseBegin(), baseEnd(), removed_.begin(), removed_.end(), std::back_inserter(*list));
  list->insert(list->end(), added_.begin(), added_.end());
  const std::size_t count = list->size();
  return {std::move(list), count};
}

Numbers Numbers::with(const std::vector<std::uint32_t>& added) const {
  Numbers next = *this;
  next.added_.insert(next.added_.end(), added.begin(), added.end());
  return next.added_.size() + next.removed_.size() > kMaxDifference ? next.flattened() : next;
}

Numbers Numbers::without(const std::vector<Uid>& removed) const {
  Numbers next = *this;
  std::vector<std::uint32_t> fromBase;
  std::vector<std::uint32_t> fromAdded;
  for (const Uid uid : removed) {
    const bool inBase = std::binary_search(baseBegin(), baseEnd(), uid.value);
    (inBase ? fromBase : fromAdded).push_back(uid.value);
  }
  next.removed_.clear();
  std::merge(removed_.begin(), removed_.end(), fromBase.begin(), fromBase.end(), std::back_inserter(next.removed_));
  next.added_.clear();
  std::set_difference(added_.begin(), added_.end(), fromAdded.begin(), fromAdded.end(),
                      std::back_inserter(next.added_));
  return next.added_.size() + next.removed_.size() > kMaxDifference ? next.flattened() : next;
}

std::optional<SequenceNumber> Numbers::Cursor::number(Uid uid) {
  const Numbers& n = *numbers_;
  const auto* const begin = n.baseBegin();
  if (base_ < n.baseCount_ && begin[base_] != uid.value) {
    base_ = static_cast<std::size_t>(std::lower_bound(begin + base_, n.baseEnd(), uid.value) - begin);
  }
  if (base_ == n.baseCount_) return n.number(uid);
  if (begin[base_] != uid.value) return std::nullopt;
  while (removed_ < n.removed_.size() && n.removed_[removed_] < uid.value) ++removed_;
  if (removed_ < n.removed_.size() && n.removed_[removed_] == uid.value) return std::nullopt;
  return SequenceNumber{static_cast<std::uint32_t>(++base_ - removed_)};
}

// MODSEQs of an account count one by one, so that nothing happened between ours and the one before it.
void View::changedByUs(store::ModSeq at) {
  if (at == 0) return;
  if (at == modSeq + 1) {
    modSeq = at;
  } else {
    own.push_back(at);
  }
}

bool View::isOurs(store::ModSeq at) const {
  return std::find(own.begin(), own.end(), at) != own.end();
}

void View::release() {
  if (vanished.empty()) numbers.reset();
}

std::optional<Numbers> numbersAt(const View& view, const Numbers::List& uids, const store::Changes& changes) {
  const auto count =
      static_cast<std::size_t>(std::lower_bound(uids->begin(), uids->end(), view.uidNext) - uids->begin());
  if (count == view.exists) return Numbers(uids, count);
  if (!changes.complete) return std::nullopt;
  auto list = std::make_shared<std::vector<std::uint32_t>>();
  list->reserve(view.exists);
  std::vector<std::uint32_t> gone;
  for (const store::UidRange& range : changes.vanished.ranges()) {
    if (range.first.value >= view.uidNext) break;
    const std::uint32_t end = std::min(range.last.value, view.uidNext - 1) + 1;
    if (end - range.first.value > view.exists) return std::nullopt;
    for (std::uint32_t uid = range.first.value; uid < end; ++uid) gone.push_back(uid);
  }
  std::merge(uids->begin(), uids->begin() + static_cast<std::ptrdiff_t>(count), gone.begin(), gone.end(),
             std::back_inserter(*list));
  if (list->size() != view.exists) return std::nullopt;
  const std::size_t size = list->size();
  return Numbers(std::move(list), size);
}

}  // namespace ostler::imap
