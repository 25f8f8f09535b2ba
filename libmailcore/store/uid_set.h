// uid_set.h - UIDs and sets of them as sorted runs.
// RFC 9051 2.3.1.1 (UID), 4.1 (sets). Sequence numbers are another type and live in imapd: the store does not know them.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace ostler::store {

struct Uid {
  std::uint32_t value = 0;  ///< 0 is no UID
  auto operator<=>(const Uid&) const = default;
};

/// Both ends belong to it.
struct UidRange {
  Uid first;
  Uid last;
  auto operator<=>(const UidRange&) const = default;
  [[nodiscard]] std::uint64_t count() const { return std::uint64_t{last.value} - first.value + 1; }
};

/// Sorted, disjoint, never adjacent runs; cheap for "1:*".
class UidSet {
 public:
  UidSet() = default;
  [[nodiscard]] static UidSet all() { return of({Uid{1}, Uid{UINT32_MAX}}); }
  [[nodiscard]] static UidSet of(UidRange range);
  /// From anything: sorts and joins.
  [[nodiscard]] static UidSet fromRanges(std::vector<UidRange> ranges);

  /// Constant time when uid is above all others; inline for the next one, as sets of whole mailboxes are made so.
  void add(Uid uid) {
    if (!ranges_.empty() && ranges_.back().last.value + 1 == uid.value) {
      ranges_.back().last = uid;
    } else {
      add(UidRange{uid, uid});
    }
  }
  void add(UidRange range);
  [[nodiscard]] bool contains(Uid uid) const;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] const std::vector<UidRange>& ranges() const { return ranges_; }
  [[nodiscard]] UidSet intersect(const UidSet& other) const;
  [[nodiscard]] UidSet without(const UidSet& other) const;
  /// "1:5,7": RFC 9051 sequence-set.
  [[nodiscard]] std::string text() const;
  bool operator==(const UidSet&) const = default;

 private:
  std::vector<UidRange> ranges_;
};

}  // namespace ostler::store
