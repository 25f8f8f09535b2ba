// section.h - what BODY[...] and BINARY[...] of an IMAP FETCH name. RFC 9051 6.4.5, 6.4.5.1; RFC 3516.
// The octets of a section always have the size that BODYSTRUCTURE shows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/result.h"
#include "libmailcore/message/mime.h"

namespace ostler::message {

/// `1.2.HEADER.FIELDS (Subject)` as a value.
struct Section {
  enum class Text : std::uint8_t { whole, header, headerFields, headerFieldsNot, text, mime };
  std::vector<std::uint32_t> part;  ///< empty: the message itself
  Text text = Text::whole;
  std::vector<std::string> fields;  ///< of headerFields and headerFieldsNot, as the client wrote them
  bool operator==(const Section&) const = default;
};

/// Reads what stands between the brackets, header names as atoms or quoted strings. (imapd's grammar, where a name may
/// be a literal too, fills Section itself.) Errors: syntax.
[[nodiscard]] Result<Section> parseSection(std::string_view text);

/// The octets of a section: a range of the content, or text made of it (header fields).
struct SectionOctets {
  std::optional<Range> range;
  std::string text;
  [[nodiscard]] std::uint64_t length() const { return range ? range->length : text.size(); }
  [[nodiscard]] std::string_view in(std::string_view content) const { return range ? octetsOf(content, *range) : text; }
};

/// The part that a part specifier names; kNoPart when there is none. RFC 9051 6.4.5: part 1 of a message that is not
/// multipart is its body.
[[nodiscard]] PartIndex findPart(const Structure& structure, const std::vector<std::uint32_t>& part);
/// Nothing when the message has no such section (IMAP answers NIL). REQUIRES: `structure` was parsed from `content`.
[[nodiscard]] std::optional<SectionOctets> findSection(const Structure& structure, Window& content, const Section& section);
/// The fields named (or all but them), with the empty line: the text of HEADER.FIELDS.
[[nodiscard]] std::string selectFields(std::string_view header, const std::vector<std::string>& names, bool wanted);

/// BINARY[part]: the body without its transfer encoding. Errors: notFound (no such part, or a multipart), permanent (an
/// unknown encoding: NO [UNKNOWN-CTE]).
[[nodiscard]] Result<std::string> decodeSection(const Structure& structure, Window& content, const std::vector<std::uint32_t>& part);
/// BINARY.SIZE[part], without holding the decoded octets.
[[nodiscard]] Result<std::uint64_t> decodedSize(const Structure& structure, Window& content, const std::vector<std::uint32_t>& part);

}  // namespace ostler::message
