#include "libmailcore/message/seven_bit.h"

#include <algorithm>
#include <array>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/address_list.h"
#include "libmailcore/message/charset.h"
#include "libmailcore/message/encoded_word.h"
#include "libmailcore/message/header.h"
#include "libmailcore/message/mime.h"
#include "libmailcore/message/transfer_encoding.h"

namespace ostler::message {
namespace {

bool isSevenBit(std::string_view octets) { return isAllAscii(octets); }

constexpr std::array<std::string_view, 12> kOfAddresses = {"From",        "Sender",        "Reply-To",        "To",        "Cc",        "Bcc",
                                                           "Resent-From", "Resent-Sender", "Resent-Reply-To", "Resent-To", "Resent-Cc", "Resent-Bcc"};
constexpr std::array<std::string_view, 3> kOfText = {"Subject", "Comments", "Content-Description"};

template <class Names>
bool isAmong(const Names& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [name](std::string_view one) { return equalsIgnoreCase(one, name); });
}

/// The field in ASCII, line end included; empty where that cannot be, or it is no field of text or addresses.
std::string encodedField(const HeaderField& field) {
  const std::string name = std::string(field.name) + ": ";
  std::string value;
  if (isAmong(kOfText, field.name) || startsWithIgnoreCase(field.name, "X-")) {
    value = encodeWords(guessUtf8(decodeEncodedWords(unfold(field.value))), name.size());
  } else if (isAmong(kOfAddresses, field.name)) {
    value = writeAddressList(parseAddressList(field.value), name.size(), HeaderCharset::ascii);
  }
  return value.empty() || !isAllAscii(value) ? std::string() : name + value + "\r\n";
}

class SevenBitConverter {
 public:
  SevenBitConverter(std::string_view content, HeaderOctets header) : content_(content), structure_(parseStructure(content)), header_(header) {}

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
  void copyHeader(const Part& part) {
    copyTo(part.header.offset);
    const std::string_view header = octetsOf(content_, part.header);
    std::size_t copied = 0;
    if (!isSevenBit(header)) {
      for (const HeaderField& field : HeaderView(header)) {
        out_.append(header.substr(copied, field.offset - copied));
        writeField(header, field);
        copied = field.offset + field.length;
      }
    }
    out_ += header.substr(copied);
    done_ = part.header.end();
  }
  void writeField(std::string_view header, const HeaderField& field) {
    const std::string_view whole = header.substr(field.offset, field.length);
    const bool isKept = header_ == HeaderOctets::asTheyAre || isSevenBit(whole);
    const std::string encoded = isKept ? std::string() : encodedField(field);
    out_ += encoded.empty() ? whole : std::string_view(encoded);
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
      writeField(header, field);
    }
    if (!out_.empty() && !out_.ends_with('\n')) out_ += "\r\n";
    if (!hasVersion) out_ += "MIME-Version: 1.0\r\n";
    if (!hasType) out_ += "Content-Type: text/plain; charset=unknown-8bit\r\n";  // RFC 1428 3
    out_ += "Content-Transfer-Encoding: " + std::string(encoding) + "\r\n\r\n";
  }

  std::string_view content_;
  Structure structure_;
  HeaderOctets header_;
  std::string out_;
  std::uint64_t done_ = 0;  // of content_
};

}  // namespace

std::string toSevenBit(std::string_view content, HeaderOctets header) { return SevenBitConverter(content, header).run(); }

bool isSigned(std::string_view content) {
  if (HeaderView(content).find("DKIM-Signature")) return true;
  const Structure structure = parseStructure(content);
  return std::any_of(structure.parts.begin(), structure.parts.end(), [](const Part& part) { return part.type.is("multipart", "signed"); });
}

}  // namespace ostler::message
