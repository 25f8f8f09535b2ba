// sequence_set.h - SequenceNumber, and sets of messages as clients write them: "1:5,7,*", or "$".
// RFC 9051 9 (sequence-set), 4.1.1; RFC 5182 2.1 ("$"). Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "imapd/grammar/reader.h"

namespace ostler::imap {

/// The place of a message in the selected mailbox, from 1 on. Not a Uid, and it does not turn into one by accident.
struct SequenceNumber {
  std::uint32_t value = 0;
  auto operator<=>(const SequenceNumber&) const = default;
};

/// Does a command name its messages by number or by UID?
enum class Addressing { number, uid };

struct SequenceSet {
  static constexpr std::uint32_t kStar = 0;  ///< "*": the largest in use. No message has the number or UID 0.
  struct Range {
    std::uint32_t first = kStar;
    std::uint32_t last = kStar;
    auto operator<=>(const Range&) const = default;
  };
  std::vector<Range> ranges;  ///< as written: neither sorted nor disjoint
  bool saved = false;         ///< "$": the result of the last SEARCH RETURN (SAVE)

  /// Sorted, disjoint and never adjacent, every "*" replaced by `largest`; first <= last. "$" and an empty set give
  /// nothing.
  [[nodiscard]] std::vector<Range> resolve(std::uint32_t largest) const;
  [[nodiscard]] bool hasStar() const;
  bool operator==(const SequenceSet&) const = default;
};

[[nodiscard]] SequenceSet readSequenceSet(Reader& in);

/// Writes "1:5,7" from numbers in ascending order.
class SetWriter {
 public:
  explicit SetWriter(std::string& out) : out_(out) {}
  /// REQUIRES: greater than all before.
  void add(std::uint32_t number) { addRange(number, number); }
  void addRange(std::uint32_t first, std::uint32_t last);
  void finish();
  [[nodiscard]] bool empty() const { return first_ == 0 && !wrote_; }

 private:
  std::string& out_;
  std::uint32_t first_ = 0;
  std::uint32_t last_ = 0;
  bool wrote_ = false;
};

}  // namespace ostler::imap
