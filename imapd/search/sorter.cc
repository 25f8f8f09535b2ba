#include "imapd/search/sorter.h"

#include <algorithm>

#include "libmailcore/store/summary.h"

namespace ostler::imap {
namespace {

using SortKind = SortCriterion::Kind;
using store::SummaryView;

void putNumber(std::string& key, std::int64_t number) {
  const std::uint64_t shifted = static_cast<std::uint64_t>(number) ^ (std::uint64_t{1} << 63);  // negative ones first
  for (int shift = 56; shift >= 0; shift -= 8) key += static_cast<char>(shifted >> shift);
}

// A text that ends comes before one that goes on; a NUL inside would look like an end.
void putText(std::string& key, std::string_view text) {
  key += text.substr(0, text.find('\0'));
  key += '\0';
}

void putCriterion(std::string& key, SortKind kind, const store::MessageRow& row) {
  const auto text = [&](std::string_view SummaryView::* which) {
    putText(key, store::summaryText(row.summary, which));
  };
  switch (kind) {
    case SortKind::arrival:
      return putNumber(key, row.internalDate);
    case SortKind::date:
      return putNumber(key, sentMillisOf(row));
    case SortKind::size:
      return putNumber(key, static_cast<std::int64_t>(row.size));
    case SortKind::subject:
      return text(&SummaryView::baseSubject);
    case SortKind::from:
      return text(&SummaryView::sortFrom);
    case SortKind::to:
      return text(&SummaryView::sortTo);
    case SortKind::cc:
      return text(&SummaryView::sortCc);
    case SortKind::displayFrom:
      return text(&SummaryView::displayFrom);
    case SortKind::displayTo:
      return text(&SummaryView::displayTo);
  }
}

}  // namespace

std::int64_t sentMillisOf(const store::MessageRow& row) {
  const auto summary = store::unpackSummary(row.summary);
  return summary && summary->hasSentDate ? summary->sentMillis : row.internalDate * 1000;
}

std::string sortKey(const std::vector<SortCriterion>& criteria, const store::MessageRow& row) {
  std::string key;
  for (const SortCriterion& criterion : criteria) {
    const std::size_t start = key.size();
    putCriterion(key, criterion.kind, row);
    if (!criterion.reverse) continue;
    for (std::size_t at = start; at < key.size(); ++at)
      key[at] = static_cast<char>(~static_cast<unsigned char>(key[at]));
  }
  return key;
}

void sortByKey(std::vector<Sortable>& rows) {
  std::sort(rows.begin(), rows.end(), [](const Sortable& a, const Sortable& b) {
    const int order = a.key.compare(b.key);
    return order != 0 ? order < 0 : a.uid < b.uid;
  });
}

}  // namespace ostler::imap
