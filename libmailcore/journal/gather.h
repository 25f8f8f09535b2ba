// gather.h - the contents of many records at once: what lies close together is read together.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/journal/segment.h"

namespace ostler::journal {

/// The segment of that number; null: it is not there.
using SegmentOf = std::function<std::shared_ptr<const SegmentFile>(std::uint64_t number)>;

/// The contents of records. Moves, does not copy.
class Gathered {
 public:
  /// Reads and checks them. What cannot be read, or is damaged, is told by operator[]. Blocks.
  Gathered(std::span<const Position> records, const SegmentOf& segmentOf);
  Gathered(Gathered&&) = default;
  Gathered& operator=(Gathered&&) = default;
  /// Of the record that was named there; valid as long as this is. Errors: permanent (damaged), notFound (no such segment), temporary.
  [[nodiscard]] Result<std::string_view> operator[](std::size_t record) const;
  [[nodiscard]] std::size_t size() const { return contents_.size(); }

 private:
  void readTogether(const SegmentFile& file, std::span<const Position> records, std::span<const std::size_t> which);
  void readAlone(const SegmentFile& file, std::uint64_t offset, std::size_t which);

  std::deque<std::string> octets_;  ///< what the views show
  std::vector<Result<std::string_view>> contents_;
};

}  // namespace ostler::journal
