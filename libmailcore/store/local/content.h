// content.h - where the octets of stored messages come from: segments of the log, and files of large messages.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>

#include "libmailcore/journal/segment.h"
#include "libmailcore/store/local/rows.h"
#include "libmailcore/store/store.h"

namespace ostler::store::local {

/// The segments of one account that were read lately, kept open. Any thread.
class OpenSegments {
 public:
  explicit OpenSegments(int logFolder) : folder_(logFolder) {}
  /// Errors: notFound, permanent, temporary.
  [[nodiscard]] Result<std::shared_ptr<const journal::SegmentFile>> get(std::uint64_t number);
  void forget(std::uint64_t number);

 private:
  static constexpr std::size_t kKept = 16;
  int folder_;
  std::mutex mutex_;
  std::list<std::pair<std::uint64_t, std::shared_ptr<const journal::SegmentFile>>> files_;  // the latest first
};

/// Opens what a mail row names. The source holds its files open: they may be unlinked meanwhile. Blocks.
/// A message that is read whole is checked against the record's checksum; parts of it are not.
[[nodiscard]] Result<std::shared_ptr<const ContentSource>> openContent(OpenSegments& segments, int logFolder, const EmailId& id,
                                                                       const ContentPlace& place);
/// All octets. Errors: permanent, temporary.
[[nodiscard]] Result<std::string> readAll(const ContentSource& source);

}  // namespace ostler::store::local
