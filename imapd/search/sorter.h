// sorter.h - one key for each message that sorts as SORT's criteria ask. Runs on the store's pool.
// RFC 5256 2.2 (sent date), 3 (sort keys); RFC 5957 3 (display names).
#pragma once

#include <string>
#include <vector>

#include "libmailcore/store/store.h"

#include "imapd/grammar/sort_criteria.h"

namespace ostler::imap {

/// Octets that compare as the criteria say: numbers big-endian, texts with NUL behind them, inverted where the order
/// is.
[[nodiscard]] std::string sortKey(const std::vector<SortCriterion>& criteria, const store::MessageRow& row);

struct Sortable {
  std::string key;
  store::Uid uid;
};

class SortVisitor final : public store::Visitor {
 public:
  explicit SortVisitor(std::vector<SortCriterion> criteria) : criteria_(std::move(criteria)) {}
  void begin(const store::MailboxInfo&) override { rows_.clear(); }
  bool row(const store::MessageRow& row) override {
    rows_.push_back({sortKey(criteria_, row), row.uid});
    return true;
  }
  [[nodiscard]] std::vector<Sortable>& rows() { return rows_; }

 private:
  std::vector<SortCriterion> criteria_;
  std::vector<Sortable> rows_;
};

/// By key; those that are equal stay in the mailbox's order.
void sortByKey(std::vector<Sortable>& rows);

/// When it was sent, else when it arrived: RFC 5256 2.2.
[[nodiscard]] std::int64_t sentMillisOf(const store::MessageRow& row);

}  // namespace ostler::imap
