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
SectionOctets ofMessage(std::string_view content, Range header, Range body, const Section& section) {
  switch (section.text) {
    case Section::Text::header:
      return range(header);
    case Section::Text::headerFields:
    case Section::Text::headerFieldsNot:
      return text(selectFields(octetsOf(content, header), section.fields, section.text == Section::Text::headerFields));
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

TransferEncoding encodingOf(const Part& part) {
  return part.kind == Part::Kind::leaf ? transferEncodingOf(part.encoding) : TransferEncoding::identity;
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

std::optional<SectionOctets> findSection(const Structure& structure, std::string_view content, const Section& section) {
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

std::optional<SectionOctets> findTopLevelSection(std::string_view content, const Section& section) {
  if (!section.part.empty()) return std::nullopt;
  const Range all{0, content.size()};
  if (section.text == Section::Text::whole) return range(all);
  if (section.text == Section::Text::mime) return std::nullopt;
  const std::uint64_t headerLength = HeaderView(content).length();
  return ofMessage(content, {0, headerLength}, {headerLength, all.length - headerLength}, section);
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

Result<std::string> decodeSection(const Structure& structure, std::string_view content,
                                  const std::vector<std::uint32_t>& part) {
  const Result<const Part*> found = decodablePart(structure, part);
  if (!found) return fail(found.error());
  if (part.empty()) return std::string(content);
  return decodeBody(octetsOf(content, (*found)->body), encodingOf(**found));
}

Result<std::uint64_t> decodedSize(const Structure& structure, std::string_view content,
                                  const std::vector<std::uint32_t>& part) {
  const Result<const Part*> found = decodablePart(structure, part);
  if (!found) return fail(found.error());
  if (part.empty()) return content.size();
  const TransferEncoding encoding = encodingOf(**found);
  if (encoding == TransferEncoding::identity) return (*found)->body.length;
  constexpr std::size_t kPiece = 65536;
  TransferDecoder decoder(encoding);
  std::uint64_t size = 0;
  std::string decoded;
  for (std::string_view rest = octetsOf(content, (*found)->body); !rest.empty();
       rest.remove_prefix(std::min(kPiece, rest.size()))) {
    decoded.clear();
    decoder.decode(rest.substr(0, kPiece), decoded);
    size += decoded.size();
  }
  decoded.clear();
  decoder.finish(decoded);
  return size + decoded.size();
}

}  // namespace ostler::message
