#include "libmailcore/message/body_structure.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/envelope.h"
#include "libmailcore/message/imap_text.h"

namespace ostler::message {
namespace {

class Writer {
 public:
  Writer(std::string& out, const Structure& structure, std::string_view content, BodyForm form)
      : out_(out), parts_(structure.parts), content_(content), extended_(form == BodyForm::bodyStructure) {}

  // Depth first along the links between the parts: a loop, because a stranger chooses the depth.
  void write() {
    PartIndex at = 0;
    for (;;) {
      open(parts_[at]);
      if (parts_[at].firstChild != kNoPart) {
        at = parts_[at].firstChild;
        continue;
      }
      close(parts_[at]);
      while (at != 0 && parts_[at].nextSibling == kNoPart) {
        at = parts_[at].parent;
        close(parts_[at]);
      }
      if (at == 0) return;
      at = parts_[at].nextSibling;
    }
  }

 private:
  void open(const Part& part) {
    out_ += '(';
    if (part.kind != Part::Kind::multipart) basicFields(part);
    if (part.kind == Part::Kind::message) {
      out_ += ' ';
      appendEnvelope(out_, envelopeOf(HeaderView(octetsOf(content_, parts_[part.firstChild].header))));
      out_ += ' ';
    }
  }

  void close(const Part& part) {
    if (part.kind == Part::Kind::multipart) {
      out_ += ' ';
      appendImapString(out_, part.type.subtype);
    } else if (part.kind == Part::Kind::message || part.type.hasType("text")) {
      out_ += ' ';
      appendImapNumber(out_, part.bodyLines);
    }
    if (extended_) extension(part);
    out_ += ')';
  }

  // media-type SP body-fld-param SP body-fld-id SP body-fld-desc SP body-fld-enc SP body-fld-octets
  void basicFields(const Part& part) {
    appendImapString(out_, part.type.type);
    out_ += ' ';
    appendImapString(out_, part.type.subtype);
    out_ += ' ';
    parameters(part.type.parameters, part.type.hasType("text"));
    out_ += ' ';
    appendImapNstring(out_, part.id);
    out_ += ' ';
    appendImapNstring(out_, part.description);
    out_ += ' ';
    appendImapString(out_, part.encoding.empty() ? std::string_view("7bit") : std::string_view(part.encoding));
    out_ += ' ';
    appendImapNumber(out_, part.body.length);
  }

  // A multipart's extension starts with its parameters, any other's with the MD5.
  void extension(const Part& part) {
    out_ += ' ';
    if (part.kind == Part::Kind::multipart) {
      parameters(part.type.parameters, false);
    } else {
      appendImapNstring(out_, part.md5);
    }
    out_ += ' ';
    if (part.disposition.type.empty()) {
      out_ += "NIL";
    } else {
      out_ += '(';
      appendImapString(out_, part.disposition.type);
      out_ += ' ';
      parameters(part.disposition.parameters, false);
      out_ += ')';
    }
    out_ += ' ';
    languages(part.languages);
    out_ += ' ';
    appendImapNstring(out_, part.location);
  }

  // `text` without a charset is US-ASCII: RFC 2046 4.1.2
  void parameters(const Parameters& list, bool isText) {
    const bool needsCharset = isText && std::none_of(list.begin(), list.end(), [](const Parameter& parameter) {
                                return startsWithIgnoreCase(parameter.name, "charset");
                              });
    if (list.empty() && !needsCharset) {
      out_ += "NIL";
      return;
    }
    const char* separator = "(";
    if (needsCharset) {
      out_ += "(\"charset\" \"us-ascii\"";
      separator = " ";
    }
    for (const Parameter& parameter : list) {
      out_ += separator;
      appendImapString(out_, parameter.name);
      out_ += ' ';
      appendImapString(out_, parameter.value);
      separator = " ";
    }
    out_ += ')';
  }

  void languages(const std::vector<std::string>& list) {
    if (list.size() == 1) return appendImapString(out_, list.front());
    const char* separator = "(";
    for (const std::string& language : list) {
      out_ += separator;
      appendImapString(out_, language);
      separator = " ";
    }
    out_ += list.empty() ? "NIL" : ")";
  }

  std::string& out_;
  const std::vector<Part>& parts_;
  std::string_view content_;
  bool extended_;
};

}  // namespace

void appendBodyStructure(std::string& out, const Structure& structure, std::string_view content, BodyForm form) {
  Writer(out, structure, content, form).write();
}

}  // namespace ostler::message
