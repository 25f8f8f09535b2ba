#include "libmailcore/message/encoded_word.h"

#include <fmt/format.h>

#include <optional>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"
#include "libmailcore/message/charset.h"
#include "libmailcore/message/header.h"
#include "libmailcore/message/transfer_encoding.h"

namespace ostler::message {
namespace {

struct EncodedWord {
  std::string_view charset;
  char encoding = 'Q';
  std::string_view text;
  std::size_t length = 0;
};

// encoded-word = "=?" charset "?" encoding "?" encoded-text "?="; blanks inside the text are seen in the wild.
std::optional<EncodedWord> readEncodedWord(std::string_view in) {
  constexpr std::size_t kLongestCharset = 64;
  if (!in.starts_with("=?")) return std::nullopt;
  const std::size_t charsetEnd = in.substr(0, kLongestCharset).find('?', 2);
  if (charsetEnd == std::string_view::npos || charsetEnd == 2 || in.size() < charsetEnd + 4) return std::nullopt;
  const char encoding = toAsciiUpper(in[charsetEnd + 1]);
  if ((encoding != 'B' && encoding != 'Q') || in[charsetEnd + 2] != '?') return std::nullopt;
  const std::size_t textAt = charsetEnd + 3;
  const std::size_t textEnd = in.find_first_of("?\r\n", textAt);
  if (textEnd == std::string_view::npos || in.substr(textEnd, 2) != "?=") return std::nullopt;
  std::string_view charset = in.substr(2, charsetEnd - 2);
  for (const char c : charset) {
    if (c == ' ' || isAsciiControl(c)) return std::nullopt;
  }
  charset = charset.substr(0, charset.find('*'));  // language: RFC 2231 5
  return EncodedWord{charset, encoding, in.substr(textAt, textEnd - textAt), textEnd + 2};
}

std::string decodeQ(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::optional<std::string> octet = text[at] == '=' ? fromHex(text.substr(at + 1, 2)) : std::nullopt;
    if (octet && octet->size() == 1) {
      out += *octet;
      at += 2;
    } else {
      out += text[at] == '_' ? ' ' : text[at];
    }
  }
  return out;
}

std::string octetsOf(const EncodedWord& word) {
  return word.encoding == 'Q' ? decodeQ(word.text) : decodeBody(word.text, TransferEncoding::base64);
}

/// Gathers the octets of neighbours in one charset before they become text: senders cut characters in two.
class Decoder {
 public:
  void literal(std::string_view text) {
    flush();
    out_ += guessUtf8(text);
  }
  void word(const EncodedWord& word) {
    if (!equalsIgnoreCase(charset_, word.charset)) flush();
    charset_ = word.charset;
    octets_ += octetsOf(word);
    written_ += word.text;
  }
  std::string finish() {
    flush();
    return std::move(out_);
  }

 private:
  void flush() {
    if (!octets_.empty()) out_ += toUtf8(octets_, charset_).value_or(guessUtf8(written_));
    octets_.clear();
    written_.clear();
  }
  std::string out_;
  std::string octets_;
  std::string written_;  // what stands for an unknown charset
  std::string_view charset_;
};

// Line ends and NULs inside decoded text would break the lines it is shown in.
std::string oneLine(std::string text) {
  std::erase_if(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  return text;
}

bool isPlainInQ(char c) {
  return isAsciiAlnum(c) || c == '!' || c == '*' || c == '+' || c == '-' || c == '/';
}

std::size_t utf8Length(char lead) {
  const auto octet = static_cast<unsigned char>(lead);
  return octet < 0xC0 ? 1 : octet < 0xE0 ? 2 : octet < 0xF0 ? 3 : 4;
}

}  // namespace

std::size_t encodedWordLength(std::string_view text) {
  const std::optional<EncodedWord> word = readEncodedWord(text);
  return word ? word->length : 0;
}

std::string decodeEncodedWords(std::string_view raw) {
  std::string holder;
  if (raw.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    holder = unfold(raw);
    raw = holder;
  }
  raw = trim(raw);
  Decoder decoder;
  bool found = false;
  std::size_t literalFrom = 0;
  for (std::size_t at = raw.find("=?"); at != std::string_view::npos; at = raw.find("=?", at)) {
    const std::optional<EncodedWord> word = readEncodedWord(raw.substr(at));
    if (!word) {
      at += 2;
      continue;
    }
    const std::string_view between = raw.substr(literalFrom, at - literalFrom);
    if (!found || !trim(between).empty())
      decoder.literal(between);  // blanks between encoded-words do not count: RFC 2047 6.2
    decoder.word(*word);
    found = true;
    at += word->length;
    literalFrom = at;
  }
  if (!found) return guessUtf8(raw);
  decoder.literal(raw.substr(literalFrom));
  return oneLine(decoder.finish());
}

std::string encodeWords(std::string_view utf8, std::size_t column) {
  if (isAllAscii(utf8)) return std::string(utf8);
  constexpr std::string_view kStart = "=?UTF-8?Q?";
  constexpr std::size_t kLongestLine = 75;
  std::string out(kStart);
  column += kStart.size();
  for (std::size_t at = 0; at < utf8.size();) {
    const std::string_view character = utf8.substr(at, utf8Length(utf8[at]));
    at += character.size();
    std::string encoded;
    for (const char c : character) {
      if (c == ' ') {
        encoded += '_';
      } else if (isPlainInQ(c)) {
        encoded += c;
      } else {
        encoded += fmt::format("={:02X}", static_cast<unsigned char>(c));
      }
    }
    if (column + encoded.size() + 2 > kLongestLine && !out.ends_with(kStart)) {
      out.append("?=\r\n ").append(kStart);
      column = 1 + kStart.size();
    }
    out += encoded;
    column += encoded.size();
  }
  return out + "?=";
}

}  // namespace ostler::message
