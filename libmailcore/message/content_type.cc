#include "libmailcore/message/content_type.h"

#include <algorithm>
#include <optional>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/charset.h"
#include "libmailcore/message/encoded_word.h"
#include "libmailcore/message/header.h"
#include "libmailcore/message/lexer.h"

namespace ostler::message {
namespace {

/// token of RFC 2045 5.1, generously: all but blanks and what separates.
bool isTokenOctet(char c) {
  return !isBlank(c) && !isSpecial(c) && c != '/' && c != '=' && c != '?';
}

std::string_view takeToken(Lexer& in) {
  const std::string_view rest = in.rest();
  std::size_t length = 0;
  while (length < rest.size() && isTokenOctet(rest[length])) ++length;
  in.skip(length);
  return rest.substr(0, length);
}

// An unquoted value, which the wild fills with blanks and specials: up to the ';', without a comment; at a blank it
// ends only when another "name=" follows (a forgotten ';').
std::string_view takeLooseValue(Lexer& in) {
  const std::string_view rest = in.rest();
  std::size_t end = std::min(rest.find(';'), rest.size());
  const std::string_view all = rest.substr(0, end);
  const std::size_t lastEquals = all.rfind('=');
  for (std::size_t at = 0; at < all.size(); ++at) {
    if (!isBlank(all[at])) continue;
    const std::string_view behind = all.substr(at + 1);
    const bool anotherName = lastEquals != std::string_view::npos && lastEquals > at;
    if (behind.starts_with('(') || anotherName) {
      end = at;
      break;
    }
    while (at + 1 < all.size() && isBlank(all[at + 1])) ++at;
  }
  in.skip(end);
  std::string_view value = rest.substr(0, end);
  while (!value.empty() && isBlank(value.back())) value.remove_suffix(1);
  return value;
}

// *(";" attribute "=" value)
Parameters takeParameters(Lexer& in) {
  constexpr std::size_t kMostParameters = 256;  // a stranger's further ones are not read
  Parameters out;
  while (out.size() < kMostParameters) {
    in.skipCfws();
    while (in.accept(';')) in.skipCfws();
    if (in.atEnd()) return out;
    Parameter parameter;
    parameter.name = takeToken(in);
    in.skipCfws();
    if (parameter.name.empty() || !in.accept('=')) {  // junk: on to the next one
      in.skip(parameter.name.empty() ? 1 : 0);
      continue;
    }
    in.skipCfws();
    if (in.peek() == '"') {
      in.quotedString(parameter.value);
    } else {
      parameter.value = unfold(takeLooseValue(in));
    }
    out.push_back(std::move(parameter));
  }
  return out;
}

/// A piece of a parameter that RFC 2231 cut up: `name*1*`.
struct Piece {
  unsigned index = 0;
  bool extended = false;
  std::string_view value;
};

std::optional<Piece> pieceOf(const Parameter& parameter, std::string_view name) {
  if (!startsWithIgnoreCase(parameter.name, name)) return std::nullopt;
  std::string_view tail = std::string_view(parameter.name).substr(name.size());
  Piece piece{0, false, parameter.value};
  if (!tail.starts_with('*')) return std::nullopt;
  if (tail.ends_with('*')) {
    piece.extended = true;
    tail.remove_suffix(1);
  }
  if (tail.empty()) return piece;
  const auto index = parseDecimal(tail.substr(1), 9'999);
  if (!index) return std::nullopt;
  piece.index = static_cast<unsigned>(*index);
  return piece;
}

std::string percentDecoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto octet = text[at] == '%' ? fromHex(text.substr(at + 1, 2)) : std::nullopt;
    if (octet && octet->size() == 1) {
      out += *octet;
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

// charset'language'value, in the first piece alone: RFC 2231 4.1
std::string joined(std::vector<Piece> pieces) {
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.index < b.index; });
  std::string charset;
  if (pieces.front().extended) {
    const std::string_view first = pieces.front().value;
    const std::size_t language = first.find('\'');
    const std::size_t text = language == std::string_view::npos ? language : first.find('\'', language + 1);
    if (text != std::string_view::npos) {
      charset = first.substr(0, language);
      pieces.front().value.remove_prefix(text + 1);
    }
  }
  std::string octets;
  for (const Piece& piece : pieces) octets += piece.extended ? percentDecoded(piece.value) : std::string(piece.value);
  return charset.empty() ? guessUtf8(octets) : toUtf8(octets, charset).value_or(octets);
}

}  // namespace

std::string parameterValue(const Parameters& parameters, std::string_view name) {
  std::vector<Piece> pieces;
  const Parameter* plain = nullptr;
  for (const Parameter& parameter : parameters) {
    if (!plain && equalsIgnoreCase(parameter.name, name)) plain = &parameter;
    if (const auto piece = pieceOf(parameter, name)) pieces.push_back(*piece);
  }
  if (!pieces.empty()) return unfold(joined(std::move(pieces)));
  return plain ? decodeEncodedWords(plain->value) : std::string();
}

bool ContentType::is(std::string_view wantedType, std::string_view wantedSubtype) const {
  return equalsIgnoreCase(type, wantedType) && equalsIgnoreCase(subtype, wantedSubtype);
}

bool ContentType::hasType(std::string_view wantedType) const {
  return equalsIgnoreCase(type, wantedType);
}

ContentType parseContentType(std::string_view raw) {
  Lexer in(raw);
  in.skipCfws();
  const std::string_view type = takeToken(in);
  in.skipCfws();
  if (type.empty() || !in.accept('/')) return {};  // RFC 2045 5.2
  in.skipCfws();
  const std::string_view subtype = takeToken(in);
  if (subtype.empty()) return {};
  return {std::string(type), std::string(subtype), takeParameters(in)};
}

Disposition parseDisposition(std::string_view raw) {
  Lexer in(raw);
  in.skipCfws();
  const std::string_view type = takeToken(in);
  if (type.empty()) return {};
  return {std::string(type), takeParameters(in)};
}

std::string_view firstToken(std::string_view raw) {
  Lexer in(raw);
  in.skipCfws();
  return takeToken(in);
}

std::vector<std::string> parseLanguages(std::string_view raw) {
  std::vector<std::string> out;
  Lexer in(raw);
  for (in.skipCfws(); !in.atEnd(); in.skipCfws()) {
    const std::string_view token = takeToken(in);
    if (token.empty()) {
      in.skip();
    } else {
      out.emplace_back(token);
    }
  }
  return out;
}

}  // namespace ostler::message
