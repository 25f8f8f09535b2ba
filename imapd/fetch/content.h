// content.h - Content: the octets of one message while it is looked at, read no further than what is asked needs.
// Blocks: for a thread of the store's pool.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/message/mime.h"
#include "libmailcore/store/store.h"

namespace ostler::imap {

/// Views it gives live until the next open(). Keeps its buffer from message to message, but not one above 1 MiB.
class Content {
 public:
  void open(std::shared_ptr<const store::ContentSource> source);
  [[nodiscard]] std::uint64_t size() const { return source_->size(); }
  [[nodiscard]] const std::shared_ptr<const store::ContentSource>& source() const { return source_; }

  /// From the start to the end of the header section at least. Errors: those of ContentSource::read().
  [[nodiscard]] Result<std::string_view> head();
  [[nodiscard]] Result<std::string_view> all();
  [[nodiscard]] Result<const message::Structure*> structure();
  /// Appends a range. REQUIRES: within size().
  [[nodiscard]] Result<void> append(std::string& out, message::Range range);

 private:
  [[nodiscard]] Result<void> load(std::uint64_t octets);
  std::shared_ptr<const store::ContentSource> source_;
  std::string octets_;
  std::size_t loaded_ = 0;
  std::optional<message::Structure> structure_;
};

}  // namespace ostler::imap
