#include "libmailcore/message/seven_bit.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/header.h"
#include "libmailcore/message/mime.h"
#include "libmailcore/message/transfer_encoding.h"

namespace ostler::message {
namespace {

bool isSevenBit(std::string_view octets) { return isAllAscii(octets); }

class SevenBitConverter {
 public:
  explicit SevenBitConverter(std::string_view content) : content_(content), structure_(parseStructure(content)) {}

  std::string run() {
    for (const Part& part : structure_.parts) part.kind == Part::Kind::leaf ? leaf(part) : composite(part);
    copyTo(content_.size());
    return std::move(out_);
  }

 private:
  // What lies between parts is boundaries, preambles and epilogues, and nobody reads the latter two.
  void copyTo(std::uint64_t offset) {
    if (offset <= done_) return;
    for (const char c : content_.substr(done_, offset - done_)) out_ += isAscii(c) ? c : '?';
    done_ = offset;
  }
  // A header goes as it is: its octets above 127 are not ours to change.
  void copyHeader(const Part& part) {
    copyTo(part.header.offset);
    out_ += octetsOf(content_, part.header);
    done_ = part.header.end();
  }

  void leaf(const Part& part) {
    if (part.header.offset < done_) return;  // cannot be: parts come in their order
    const std::string_view body = octetsOf(content_, part.body);
    if (isSevenBit(body)) return copyHeader(part);
    const bool isText = part.type.hasType("text") || part.type.hasType("message");
    copyTo(part.header.offset);
    writeHeader(part, isText ? "quoted-printable" : "base64");
    // What calls itself encoded and has such octets is decoded first: they are all that is left of it otherwise.
    const TransferEncoding encoding = transferEncodingOf(trim(part.encoding));
    const std::string octets = encoding == TransferEncoding::identity || encoding == TransferEncoding::unknown
                                   ? std::string(body)
                                   : decodeBody(body, encoding);
    out_ += isText ? encodeQuotedPrintable(octets) : encodeBase64Lines(octets);
    done_ = part.body.end();
  }

  // What holds parts says what they are at most, and is never encoded itself: RFC 2045 6.4.
  void composite(const Part& part) {
    const bool saysMore = equalsIgnoreCase(trim(part.encoding), "8bit") || equalsIgnoreCase(trim(part.encoding), "binary");
    if (!saysMore) return copyHeader(part);
    copyTo(part.header.offset);
    writeHeader(part, "7bit");
    done_ = part.header.end();
  }

  void writeHeader(const Part& part, std::string_view encoding) {
    const std::string_view header = octetsOf(content_, part.header);
    const HeaderView view(header);
    bool hasVersion = !part.isMessage;  // of messages alone: RFC 2045 4
    bool hasType = false;
    for (const HeaderField& field : view) {
      if (equalsIgnoreCase(field.name, "Content-Transfer-Encoding")) continue;
      hasVersion = hasVersion || equalsIgnoreCase(field.name, "MIME-Version");
      hasType = hasType || equalsIgnoreCase(field.name, "Content-Type");
      out_ += header.substr(field.offset, field.length);
    }
    if (!out_.empty() && !out_.ends_with('\n')) out_ += "\r\n";
    if (!hasVersion) out_ += "MIME-Version: 1.0\r\n";
    if (!hasType) out_ += "Content-Type: text/plain; charset=unknown-8bit\r\n";  // RFC 1428 3
    out_ += "Content-Transfer-Encoding: " + std::string(encoding) + "\r\n\r\n";
  }

  std::string_view content_;
  Structure structure_;
  std::string out_;
  std::uint64_t done_ = 0;  // of content_
};

}  // namespace

std::string toSevenBit(std::string_view content) { return SevenBitConverter(content).run(); }

bool isSigned(std::string_view content) {
  if (HeaderView(content).find("DKIM-Signature")) return true;
  const Structure structure = parseStructure(content);
  return std::any_of(structure.parts.begin(), structure.parts.end(), [](const Part& part) { return part.type.is("multipart", "signed"); });
}

}  // namespace ostler::message
