// content_type.h - Content-Type and Content-Disposition: a value and its parameters.
// RFC 2045 5.1 (grammar), RFC 2183 (disposition), RFC 2231 3 and 4 (continuations, charsets).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ostler::message {

/// As written: the name may carry `*0*` of RFC 2231, the value is without quotes. BODYSTRUCTURE shows it so.
struct Parameter {
  std::string name;
  std::string value;
  bool operator==(const Parameter&) const = default;
};
using Parameters = std::vector<Parameter>;

/// The value of a parameter as UTF-8: continuations joined, percent and charset decoded (RFC 2231), encoded-words
/// decoded (not allowed there, but common). Empty without such a parameter.
[[nodiscard]] std::string parameterValue(const Parameters& parameters, std::string_view name);

struct ContentType {
  std::string type = "text";  ///< as written
  std::string subtype = "plain";
  Parameters parameters;
  [[nodiscard]] bool is(std::string_view wantedType, std::string_view wantedSubtype) const;
  [[nodiscard]] bool hasType(std::string_view wantedType) const;
  bool operator==(const ContentType&) const = default;
};

/// A raw field value. Tolerant; without `type/subtype` it is what the default is: text/plain.
[[nodiscard]] ContentType parseContentType(std::string_view raw);

struct Disposition {
  std::string type;  ///< empty: none
  Parameters parameters;
  bool operator==(const Disposition&) const = default;
};
[[nodiscard]] Disposition parseDisposition(std::string_view raw);

/// The first token of a raw value, comments skipped, `7bit` of "7bit (x)": for Content-Transfer-Encoding.
[[nodiscard]] std::string_view firstToken(std::string_view raw);
/// The tokens between commas: Content-Language.
[[nodiscard]] std::vector<std::string> parseLanguages(std::string_view raw);

}  // namespace ostler::message
