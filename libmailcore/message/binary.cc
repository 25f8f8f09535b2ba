#include "libmailcore/message/binary.h"

#include <algorithm>
#include <vector>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"
#include "libmailcore/message/header.h"
#include "libmailcore/message/mime.h"

namespace ostler::message {
namespace {

constexpr std::size_t kMostLine = 998;
constexpr std::size_t kOctetsALine = 57;  // 76 characters: RFC 2045 6.8

// Octets in CRLF lines without NUL; a lone CR or LF becomes a line end, and a line that is too long is folded by force.
std::string asLines(std::string_view octets) {
  std::string out;
  std::size_t length = 0;
  for (std::size_t at = 0; at < octets.size(); ++at) {
    const char c = octets[at];
    if (c == '\0') continue;
    const bool endsLine = c == '\r' || c == '\n' || length == kMostLine;
    if (endsLine) {
      out += "\r\n";
      length = 0;
      if (c == '\r' && at + 1 < octets.size() && octets[at + 1] == '\n') ++at;
    }
    if (c == '\r' || c == '\n') continue;
    out += c;
    ++length;
  }
  return out;
}

std::string inBase64(std::string_view octets) {
  std::string out;
  for (std::size_t at = 0; at < octets.size(); at += kOctetsALine) out += encodeBase64(octets.substr(at, kOctetsALine)) + "\r\n";
  return out;
}

// The header of a part with another Content-Transfer-Encoding; everything else stays.
std::string reencoded(std::string_view header, std::string_view encoding) {
  std::string out;
  const HeaderView view(header);
  for (const HeaderField& field : view) {
    if (equalsIgnoreCase(field.name, "Content-Transfer-Encoding")) continue;
    out += asLines(header.substr(field.offset, field.length));
    if (!out.ends_with("\r\n")) out += "\r\n";
  }
  return out + "Content-Transfer-Encoding: " + std::string(encoding) + "\r\n\r\n";
}

class Recoder {
 public:
  explicit Recoder(std::string_view content) : content_(content), structure_(parseStructure(content)) {}

  std::string run() {
    for (const Part& part : structure_.parts) {
      if (part.kind == Part::Kind::leaf) leaf(part);
      else composite(part);
    }
    copyTo(content_.size());
    if (!out_.ends_with("\r\n")) out_ += "\r\n";
    return std::move(out_);
  }

 private:
  // What lies between parts is boundaries, preambles and epilogues: text.
  void copyTo(std::uint64_t offset) {
    if (offset <= done_) return;
    out_ += asLines(content_.substr(done_, offset - done_));
    done_ = offset;
  }
  static bool saysBinary(const Part& part) { return equalsIgnoreCase(trim(part.encoding), "binary"); }

  void leaf(const Part& part) {
    const std::string_view body = octetsOf(content_, part.body);
    if (part.body.offset < done_) return;  // cannot be: parts come in their order
    if (!saysBinary(part) && !isBinary(body) && !isBinary(octetsOf(content_, part.header))) return;
    copyTo(part.header.offset);
    out_ += reencoded(octetsOf(content_, part.header), "base64");
    out_ += inBase64(body);
    // The line end before a boundary is the boundary's: RFC 2046 5.1.1. base64 has its own, so one too many is no harm to it.
    done_ = part.body.end();
  }
  // What holds parts may say that they are 8bit; it is never encoded itself: RFC 2045 6.4.
  void composite(const Part& part) {
    if (!saysBinary(part) && !isBinary(octetsOf(content_, part.header))) return;
    copyTo(part.header.offset);
    out_ += reencoded(octetsOf(content_, part.header), "8bit");
    done_ = part.header.end();
  }

  std::string_view content_;
  Structure structure_;
  std::string out_;
  std::uint64_t done_ = 0;  // of content_
};

}  // namespace

bool isBinary(std::string_view content) {
  std::size_t lineStart = 0;
  for (std::size_t at = 0; at < content.size(); ++at) {
    const char c = content[at];
    if (c == '\0' || c == '\n' || at - lineStart > kMostLine) return true;
    if (c != '\r') continue;
    if (at + 1 == content.size() || content[at + 1] != '\n') return true;
    lineStart = ++at + 1;
  }
  return false;
}

std::string withoutBinary(std::string_view content) {
  return Recoder(content).run();
}

}  // namespace ostler::message
