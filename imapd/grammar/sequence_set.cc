#include "imapd/grammar/sequence_set.h"

#include <algorithm>

#include "imapd/grammar/write.h"

namespace ostler::imap {
namespace {

std::uint32_t readNumberOrStar(Reader& in) {
  return in.accept('*') ? SequenceSet::kStar : in.nonZeroNumber();
}

}  // namespace

// sequence-set = (seq-number / seq-range) ["," sequence-set] / "$"
SequenceSet readSequenceSet(Reader& in) {
  SequenceSet set;
  if (in.accept('$')) {
    set.saved = true;
    return set;
  }
  do {
    SequenceSet::Range range;
    range.first = readNumberOrStar(in);
    range.last = in.accept(':') ? readNumberOrStar(in) : range.first;
    set.ranges.push_back(range);
  } while (in.accept(','));
  return set;
}

std::vector<SequenceSet::Range> SequenceSet::resolve(std::uint32_t largest) const {
  std::vector<Range> sorted;
  sorted.reserve(ranges.size());
  for (Range range : ranges) {
    if (range.first == kStar) range.first = largest;
    if (range.last == kStar) range.last = largest;
    if (range.first > range.last) std::swap(range.first, range.last);  // "*:4" and "5:2": RFC 9051 9
    if (range.last != 0) sorted.push_back({std::max(range.first, 1U), range.last});
  }
  std::sort(sorted.begin(), sorted.end());
  std::vector<Range> joined;
  for (const Range range : sorted) {
    if (!joined.empty() && range.first - 1 <= joined.back().last) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

bool SequenceSet::hasStar() const {
  return std::any_of(ranges.begin(), ranges.end(),
                     [](const Range& range) { return range.first == kStar || range.last == kStar; });
}

void SetWriter::addRange(std::uint32_t first, std::uint32_t last) {
  if (first_ != 0 && first == last_ + 1) {
    last_ = last;
    return;
  }
  finish();
  first_ = first;
  last_ = last;
}

void SetWriter::finish() {
  if (first_ == 0) return;
  if (wrote_) out_ += ',';
  appendNumber(out_, first_);
  if (last_ != first_) {
    out_ += ':';
    appendNumber(out_, last_);
  }
  wrote_ = true;
  first_ = 0;
}

}  // namespace ostler::imap
