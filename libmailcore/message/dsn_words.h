// dsn_words.h - the words of delivery reports in other languages: a file of `key: text` lines over the built-in English.
// Is not: where they are put; see dsn_text.h. RFC 3464 leaves the first part of a report to us.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/result.h"

namespace ostler::message {

class DsnWords {
 public:
  /// A line each: `failed.heading: Your message could not be delivered to:`. "#" begins a comment; a line that begins with a blank
  /// goes on with the text before. Errors: syntax (no colon, a key that is not known, not UTF-8), with the line.
  [[nodiscard]] static Result<DsnWords> parse(std::string_view text);
  /// The text for a key, or `english`. "{host}", "{queue_id}" and "{date}" in it are the caller's to replace.
  [[nodiscard]] std::string_view get(std::string_view key, std::string_view english) const;
  [[nodiscard]] static const std::vector<std::string_view>& keys();

 private:
  std::map<std::string, std::string, std::less<>> texts_;
};

/// `text` with every "{name}" replaced.
[[nodiscard]] std::string fillIn(std::string_view text, std::string_view name, std::string_view value);

}  // namespace ostler::message
