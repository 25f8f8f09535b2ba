// structure_check.h - reads BODYSTRUCTURE text as a client would and asks for each part's section: sizes and octets
// must agree. For the unit tests and the fuzz target of mime.h, body_structure.h and section.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/body_structure.h"
#include "libmailcore/message/section.h"

namespace ostler::message {

/// A value of IMAP's parenthesised form.
struct ImapValue {
  bool isList = false;
  std::string text;
  std::vector<ImapValue> items;
};

/// Reads one value; sets `failed` when the text is not well-formed. Recurses: for tests alone.
class ImapValueReader {
 public:
  explicit ImapValueReader(std::string_view text) : text_(text) {}
  ImapValue read() {
    ImapValue value;
    if (accept('(')) {
      value.isList = true;
      while (!failed && !accept(')')) {
        if (at_ >= text_.size()) failed = true;
        value.items.push_back(read());
        accept(' ');
      }
    } else if (accept('"')) {
      while (!failed && !accept('"')) {
        accept('\\');
        if (at_ >= text_.size() || text_[at_] == '\r' || text_[at_] == '\n' ||
            static_cast<unsigned char>(text_[at_]) > 127) {
          failed = true;
        } else {
          value.text += text_[at_++];
        }
      }
    } else if (accept('{')) {
      const std::size_t brace = text_.find('}', at_);
      const auto length = parseDecimal(text_.substr(at_, brace - at_));
      if (brace == std::string_view::npos || !length || *length > text_.size()) {
        failed = true;
        return value;
      }
      value.text = text_.substr(brace + 3, *length);
      at_ = brace + 3 + *length;
    } else {
      while (at_ < text_.size() && text_[at_] != ' ' && text_[at_] != ')' && text_[at_] != '(')
        value.text += text_[at_++];
      if (value.text.empty()) failed = true;
    }
    return value;
  }
  [[nodiscard]] bool atEnd() const { return at_ == text_.size(); }
  bool failed = false;

 private:
  bool accept(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string_view text_;
  std::size_t at_ = 0;
};

class StructureCheck {
 public:
  StructureCheck(const Structure& structure, std::string_view content) : structure_(structure), content_(content), octets_(content) {}

  /// What is wrong, in words; empty: nothing.
  std::string run() {
    for (const BodyForm form : {BodyForm::body, BodyForm::bodyStructure}) {
      std::string text;
      appendBodyStructure(text, structure_, content_, form);
      ImapValueReader reader(text);
      const ImapValue value = reader.read();
      if (reader.failed || !reader.atEnd()) return "not well-formed: " + text;
      if (std::string wrong = messageBody(value, {}); !wrong.empty()) return wrong + " in " + text;
    }
    return ranges();
  }

 private:
  using Path = std::vector<std::uint32_t>;
  static bool isMultipart(const ImapValue& body) { return body.isList && !body.items.empty() && body.items[0].isList; }

  // The body of a message: its parts, or the one part that it is.
  std::string messageBody(const ImapValue& body, Path path) {
    if (isMultipart(body)) return multipart(body, path);
    path.push_back(1);
    return part(body, path);
  }
  std::string multipart(const ImapValue& body, const Path& path) {
    for (std::uint32_t i = 0; i < body.items.size() && body.items[i].isList; ++i) {
      Path child = path;
      child.push_back(i + 1);
      if (std::string wrong = part(body.items[i], child); !wrong.empty()) return wrong;
      if (i + 1 == body.items.size()) return "a multipart has no subtype";
    }
    return {};
  }
  std::string part(const ImapValue& body, const Path& path) {
    const auto octets = findSection(structure_, octets_, Section{path, Section::Text::whole, {}});
    if (!octets) return "no section of a part";
    if (!findSection(structure_, octets_, Section{path, Section::Text::mime, {}})) return "no MIME section of a part";
    if (isMultipart(body)) return multipart(body, path);
    if (body.items.size() < 7) return "a part lacks fields";
    if (body.items[6].text != std::to_string(octets->length())) return "sizes differ";
    const bool isMessage =
        equalsIgnoreCase(body.items[0].text, "message") &&
        (equalsIgnoreCase(body.items[1].text, "rfc822") || equalsIgnoreCase(body.items[1].text, "global"));
    if (!isMessage) return {};
    const auto header = findSection(structure_, octets_, Section{path, Section::Text::header, {}});
    const auto text = findSection(structure_, octets_, Section{path, Section::Text::text, {}});
    if (!header || !text || header->length() + text->length() != octets->length())
      return "header and text are not the message";
    if (body.items.size() < 10 || body.items[7].items.size() != 10) return "a message lacks fields";
    return messageBody(body.items[8], path);
  }
  std::string ranges() const {
    for (const Part& part : structure_.parts) {
      if (part.header.end() != part.body.offset || part.body.end() > content_.size()) return "ranges do not fit";
      if (part.parent == kNoPart) continue;
      const Range outer = structure_.parts[part.parent].body;
      if (part.header.offset < outer.offset || part.body.end() > outer.end() + 2)
        return "a part leaves the one around it";
    }
    return {};
  }

  const Structure& structure_;
  std::string_view content_;
  Window octets_;
};

inline std::string checkStructure(std::string_view content) {
  const Structure structure = parseStructure(content);
  return StructureCheck(structure, content).run();
}

}  // namespace ostler::message
