// content.h - Content: the octets of one message while it is looked at, read no further than what is asked needs.
// Blocks: for a thread of the store's pool.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "libmailcore/message/mime.h"
#include "libmailcore/store/store.h"

namespace ostler::imap {

/// Views it gives live until it is asked again. Keeps its buffer from message to message. What is larger than that, 1 MiB, is never held
/// as a whole, but for a header.
class Content {
 public:
  void open(std::shared_ptr<const store::ContentSource> source);
  [[nodiscard]] std::uint64_t size() const { return source_->size(); }
  [[nodiscard]] const std::shared_ptr<const store::ContentSource>& source() const { return source_; }

  /// From the start to the end of the header section at least. Errors: those of ContentSource::read().
  [[nodiscard]] Result<std::string_view> head();
  /// What `ask(octets)` makes of going through it. Errors: those of ContentSource::read().
  template <class Ask>
  [[nodiscard]] auto through(Ask&& ask) -> Result<decltype(ask(std::declval<message::Window&>()))> {
    const Result<message::Window*> octets = window();
    if (!octets) return fail(octets.error());
    Result<decltype(ask(**octets))> made(tl::in_place, ask(**octets));
    if ((*octets)->error()) return fail(*(*octets)->error());
    return made;
  }
  /// What `ask(structure, octets)` makes of its parts. Errors: those of ContentSource::read().
  template <class Ask>
  [[nodiscard]] auto parts(Ask&& ask) -> Result<decltype(ask(std::declval<const message::Structure&>(), std::declval<message::Window&>()))> {
    const Result<void> parsed = parse();
    if (!parsed) return fail(parsed.error());
    return through([&](message::Window& octets) { return ask(*structure_, octets); });
  }
  /// Appends a range. REQUIRES: within size().
  [[nodiscard]] Result<void> append(std::string& out, message::Range range);

 private:
  [[nodiscard]] Result<void> load(std::uint64_t octets);
  [[nodiscard]] Result<message::Window*> window();
  [[nodiscard]] Result<void> parse();
  std::shared_ptr<const store::ContentSource> source_;
  std::string octets_;
  std::size_t loaded_ = 0;
  std::optional<message::Window> window_;
  std::optional<message::Structure> structure_;
};

}  // namespace ostler::imap
