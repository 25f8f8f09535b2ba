#include "libmailcore/message/section.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/header.h"
#include "libmailcore/message/lexer.h"
#include "libmailcore/message/transfer_encoding.h"

namespace ostler::message {
namespace {

constexpr std::size_t kMostPartNumbers = kMaxDepth;
constexpr std::size_t kMostFields = 1'000;

tl::unexpected<Error> badSection() {
  return fail(Error::Kind::syntax, "section: not of the grammar");
}

// header-list = "(" header-fld-name *(SP header-fld-name) ")"
Result<std::vector<std::string>> parseFieldNames(std::string_view text) {
  std::vector<std::string> names;
  if (!text.starts_with('(') || !text.ends_with(')') || text.size() < 3) return badSection();
  Lexer in(text.substr(1, text.size() - 2));
  while (names.size() < kMostFields) {
    std::string name;
    if (in.peek() == '"') {
      in.quotedString(name);
    } else {
      const std::string_view rest = in.rest();
      name = rest.substr(0, rest.find(' '));
      in.skip(name.size());
    }
    if (name.empty()) return badSection();
    names.push_back(std::move(name));
    if (in.atEnd()) return names;
    if (!in.accept(' ')) return badSection();
  }
  return fail(Error::Kind::limit, "section: too many header names");
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& wanted) { return equalsIgnoreCase(wanted, name); });
}

SectionOctets range(Range octets) {
  return {octets, {}};
}
SectionOctets text(std::string made) {
  return {std::nullopt, std::move(made)};
}

/// Of a message with this header and body: what HEADER, HEADER.FIELDS and TEXT are. REQUIRES: the section is one of
/// them.
SectionOctets ofMessage(Window& content, Range header, Range body, const Section& section) {
  switch (section.text) {
    case Section::Text::header:
      return range(header);
    case Section::Text::headerFields:
    case Section::Text::headerFieldsNot:
      return text(selectFields(content.octets(header), section.fields, section.text == Section::Text::headerFields));
    default:
      return range(body);
  }
}

Result<const Part*> decodablePart(const Structure& structure, const std::vector<std::uint32_t>& part) {
  const PartIndex index = findPart(structure, part);
  if (index == kNoPart) return fail(Error::Kind::notFound, "section: no such part");
  const Part& found = structure.parts[index];
  // BINARY of a multipart (or the message as a whole) has no encoding to take off: RFC 3516 4.3 leaves it as it is.
  if (transferEncodingOf(found.encoding) == TransferEncoding::unknown && found.kind == Part::Kind::leaf) {
    return fail(Error::Kind::permanent, "section: unknown transfer encoding");
  }
  return &found;
}

/// BINARY[] is the message as it is.
struct Encoded {
  Range octets;
  TransferEncoding encoding = TransferEncoding::identity;
};
Encoded encodedOf(const Window& content, const Part& found, const std::vector<std::uint32_t>& part) {
  if (part.empty()) return {{0, content.size()}};
  return {found.body, found.kind == Part::Kind::leaf ? transferEncodingOf(found.encoding) : TransferEncoding::identity};
}

/// Decodes piece by piece: `taken(out)` after each, and after the last.
template <class Taken>
void decode(Window& content, Encoded encoded, Taken&& taken) {
  TransferDecoder decoder(encoded.encoding);
  std::string out;
  for (std::string_view piece = content.take(encoded.octets); !piece.empty(); piece = content.take(encoded.octets)) {
    out.clear();
    decoder.decode(piece, out);
    taken(out);
  }
  out.clear();
  decoder.finish(out);
  taken(out);
}

}  // namespace

// section-spec = section-msgtext / (section-part ["." section-text])
Result<Section> parseSection(std::string_view in) {
  Section section;
  while (!in.empty() && isAsciiDigit(in.front())) {
    const std::size_t dot = std::min(in.find('.'), in.size());
    const auto number = parseDecimal(in.substr(0, dot), UINT32_MAX);
    if (!number || *number == 0 || section.part.size() >= kMostPartNumbers) return badSection();
    section.part.push_back(static_cast<std::uint32_t>(*number));
    in.remove_prefix(dot);
    if (in.empty()) return section;
    in.remove_prefix(1);
    if (in.empty()) return badSection();
  }
  if (in.empty()) return section;
  if (equalsIgnoreCase(in, "HEADER")) {
    section.text = Section::Text::header;
  } else if (equalsIgnoreCase(in, "TEXT")) {
    section.text = Section::Text::text;
  } else if (equalsIgnoreCase(in, "MIME") && !section.part.empty()) {
    section.text = Section::Text::mime;
  } else {
    constexpr std::string_view kFields = "HEADER.FIELDS ";
    constexpr std::string_view kFieldsNot = "HEADER.FIELDS.NOT ";
    const bool wanted = startsWithIgnoreCase(in, kFields);
    if (!wanted && !startsWithIgnoreCase(in, kFieldsNot)) return badSection();
    section.text = wanted ? Section::Text::headerFields : Section::Text::headerFieldsNot;
    Result<std::vector<std::string>> names = parseFieldNames(in.substr(wanted ? kFields.size() : kFieldsNot.size()));
    if (!names) return fail(names.error());
    section.fields = std::move(*names);
  }
  return section;
}

PartIndex findPart(const Structure& structure, const std::vector<std::uint32_t>& numbers) {
  const std::vector<Part>& parts = structure.parts;
  PartIndex at = 0;
  bool entered = false;  // `at` was named by a number: a message part then opens into the message inside it
  for (std::uint32_t number : numbers) {
    if (entered && parts[at].kind == Part::Kind::message) {
      at = parts[at].firstChild;
      entered = false;
    }
    if (parts[at].kind == Part::Kind::multipart) {
      at = parts[at].firstChild;
      while (at != kNoPart && --number > 0) at = parts[at].nextSibling;
      if (at == kNoPart) return kNoPart;
    } else if (entered ||
               number != 1) {  // part 1 of a message that is not multipart is its body, and has no parts itself
      return kNoPart;
    }
    entered = true;
  }
  return at;
}

std::optional<SectionOctets> findSection(const Structure& structure, Window& content, const Section& section) {
  const PartIndex index = findPart(structure, section.part);
  if (index == kNoPart) return std::nullopt;
  const Part& part = structure.parts[index];
  const bool isPart = !section.part.empty();
  switch (section.text) {
    case Section::Text::whole:
      return range(isPart ? part.body : Range{0, content.size()});
    case Section::Text::mime:
      return range(part.header);
    default:
      break;
  }
  if (!isPart) return ofMessage(content, part.header, part.body, section);
  if (part.kind != Part::Kind::message) return std::nullopt;  // RFC 9051 6.4.5: only of message/rfc822 parts
  const Part& inner = structure.parts[part.firstChild];
  return ofMessage(content, inner.header, inner.body, section);
}

std::string selectFields(std::string_view header, const std::vector<std::string>& names, bool wanted) {
  const HeaderView view(header);
  std::string out;
  for (const HeaderField& field : view) {
    const bool named = !field.name.empty() && contains(names, field.name);
    if (named == wanted) out += header.substr(field.offset, field.length);
  }
  out += view.text().substr(view.fieldsLength());
  return out;
}

Result<std::string> decodeSection(const Structure& structure, Window& content, const std::vector<std::uint32_t>& part) {
  const Result<const Part*> found = decodablePart(structure, part);
  if (!found) return fail(found.error());
  std::string decoded;
  decode(content, encodedOf(content, **found, part), [&](const std::string& piece) { decoded += piece; });
  return decoded;
}

Result<std::uint64_t> decodedSize(const Structure& structure, Window& content, const std::vector<std::uint32_t>& part) {
  const Result<const Part*> found = decodablePart(structure, part);
  if (!found) return fail(found.error());
  const Encoded encoded = encodedOf(content, **found, part);
  if (encoded.encoding == TransferEncoding::identity) return encoded.octets.length;
  std::uint64_t size = 0;
  decode(content, encoded, [&](const std::string& piece) { size += piece.size(); });
  return size;
}

}  // namespace ostler::message
