// mime.h - the structure of a message: a flat tree of its parts, each with its octet ranges.
// Is not: what IMAP shows of it; see body_structure.h and section.h.
// Linear in the size of the content, whatever a stranger nests; the stack does not grow with the nesting.
// RFC 2045, RFC 2046 5.1 (multipart), 5.2.1 (message/rfc822); RFC 6532 3.7 (message/global).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/message/content_type.h"
#include "libmailcore/message/window.h"

namespace ostler::message {

using PartIndex = std::uint32_t;
inline constexpr PartIndex kNoPart = UINT32_MAX;

/// Beyond these a multipart or message is a leaf, and further parts belong to the body of the last one.
inline constexpr std::uint32_t kMaxDepth = 1'000;
inline constexpr std::size_t kMaxParts = 20'000;

/// One part: header and body where they lie. The root is the message itself; the child of a message/rfc822 part is the
/// message inside it, with that message's own header.
struct Part {
  enum class Kind : std::uint8_t { leaf, multipart, message };
  Kind kind = Kind::leaf;
  bool isMessage = false;  ///< its header is a message header: the root, and the child of a message part
  PartIndex parent = kNoPart;
  PartIndex firstChild = kNoPart;
  PartIndex nextSibling = kNoPart;
  std::uint32_t depth = 0;

  Range header;                 ///< with the empty line
  Range body;                   ///< without the line end that belongs to the boundary behind it
  std::uint64_t bodyLines = 0;  ///< lines of the body; an unfinished last one counts
  [[nodiscard]] Range whole() const { return {header.offset, header.length + body.length}; }

  ContentType type;
  Disposition disposition;
  std::string encoding;     ///< Content-Transfer-Encoding as written; empty: none
  std::string id;           ///< Content-ID
  std::string description;  ///< unfolded, encoded-words not decoded
  std::string md5;
  std::string location;
  std::vector<std::string> languages;
};

/// parts[0] is the message. A value; views nothing.
struct Structure {
  std::vector<Part> parts;
  [[nodiscard]] const Part& root() const { return parts.front(); }
};

/// Never fails. A missing end boundary ends its multipart at the enclosing one's boundary or at the end.
[[nodiscard]] Structure parseStructure(std::string_view content);
/// Holds a stretch of the content at a time, and each header as a whole. Nobody's structure if the window has an error.
[[nodiscard]] Structure parseStructure(Window& octets);

}  // namespace ostler::message
