// search_text.h - does a message's decoded text hold a string? SEARCH BODY and TEXT without an index, at memory speed.
// Plain parts are searched where they lie; only base64, quoted-printable and foreign charsets are decoded. RFC
// 9051 6.4.4.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "libmailcore/message/window.h"

namespace ostler::message {

/// Finds one string without regard to case. Immutable; any thread.
class CaseFinder {
 public:
  /// `needle` is UTF-8. An empty one is found everywhere (RFC 9051 6.4.4).
  explicit CaseFinder(std::string_view needle);
  [[nodiscard]] bool isAscii() const { return ascii_; }
  /// In text that is UTF-8 (or ASCII with stray octets).
  [[nodiscard]] bool foundIn(std::string_view utf8) const;
  /// In text that was case folded already (Prepared::search...).
  [[nodiscard]] bool foundInFolded(std::string_view folded) const;

 private:
  std::string needle_;  // case folded
  bool ascii_ = true;
  std::size_t rare1_ = 0;  // places in the needle of the two octets that are rarest in mail
  std::size_t rare2_ = 0;
};

enum class SearchScope {
  text,  ///< header and body
  body,  ///< body alone
};

/// One SEARCH BODY or TEXT key. Immutable; any thread.
class TextMatcher {
 public:
  TextMatcher(std::string_view needle, SearchScope scope);
  /// Goes through the content a stretch at a time. What a window with an error says counts for nothing.
  [[nodiscard]] bool matches(Window& content) const;

 private:
  CaseFinder finder_;
  SearchScope scope_;
  std::size_t needleOctets_;
  bool needleHasBlank_;
};

/// SEARCH HEADER name needle: does one field of that name hold it, decoded? An empty needle asks for the field alone.
[[nodiscard]] bool headerMatches(std::string_view content, std::string_view name, const CaseFinder& needle);

}  // namespace ostler::message
