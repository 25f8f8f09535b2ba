#include "libmailcore/smtp/xclient.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/smtp/xtext.h"

namespace ostler::smtp {
namespace {

constexpr std::size_t kMostValue = 255;

Result<std::optional<std::string>> valueOf(std::string_view written) {
  if (equalsIgnoreCase(written, "[UNAVAILABLE]") || equalsIgnoreCase(written, "[TEMPUNAVAIL]")) return std::nullopt;
  const Result<std::string> decoded = decodeXtext(written);
  if (!decoded || decoded->empty() || decoded->size() > kMostValue) return fail(Error::Kind::syntax, "xclient: bad value");
  for (const char c : *decoded) {
    if (c <= ' ' || c > '~') return fail(Error::Kind::syntax, "xclient: bad value");
  }
  return *decoded;
}

}  // namespace

Result<std::vector<Attribute>> parseAttributes(std::string_view argument, const std::vector<std::string_view>& known) {
  std::vector<Attribute> out;
  for (const std::string_view word : split(argument, ' ')) {
    if (word.empty()) continue;
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) return fail(Error::Kind::syntax, "xclient: no value");
    Attribute attribute{asciiUpper(word.substr(0, equals)), std::nullopt};
    if (std::find(known.begin(), known.end(), attribute.name) == known.end()) {
      return fail(Error::Kind::notFound, "xclient: unknown attribute " + printable(attribute.name, 40));
    }
    for (const Attribute& other : out) {
      if (other.name == attribute.name) return fail(Error::Kind::syntax, "xclient: attribute twice");
    }
    auto value = valueOf(word.substr(equals + 1));
    if (!value) return fail(value.error());
    attribute.value = std::move(*value);
    out.push_back(std::move(attribute));
  }
  if (out.empty()) return fail(Error::Kind::syntax, "xclient: no attribute");
  return out;
}

std::string format(const std::vector<Attribute>& attributes) {
  std::string out;
  for (const Attribute& attribute : attributes) {
    if (!out.empty()) out += ' ';
    out += attribute.name + "=" + (attribute.value ? encodeXtext(*attribute.value) : "[UNAVAILABLE]");
  }
  return out;
}

std::string_view bareAddress(std::string_view value) {
  if (startsWithIgnoreCase(value, "IPV6:")) value.remove_prefix(5);
  return value;
}

}  // namespace ostler::smtp
