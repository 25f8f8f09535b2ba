// encoded_word.h - text beyond ASCII in headers: `=?utf-8?Q?caf=C3=A9?=`. RFC 2047 2, 5, 6; RFC 2231 5 (language).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ostler::message {

/// The readable UTF-8 text of an unstructured value, phrase or comment; folds are taken out. What is not a well-formed
/// encoded-word stays as it is; undeclared 8-bit text becomes UTF-8 (guessUtf8). Linear.
[[nodiscard]] std::string decodeEncodedWords(std::string_view raw);

/// ASCII text unchanged; else encoded-words in UTF-8, each at most 75 octets, never cut inside a character, separated
/// by CRLF SP. `column`: octets already on the first line. The result is also safe in a phrase.
[[nodiscard]] std::string encodeWords(std::string_view utf8, std::size_t column = 0);

/// Octets of the encoded-word that `text` starts with; 0 when it starts with none.
[[nodiscard]] std::size_t encodedWordLength(std::string_view text);

}  // namespace ostler::message
