#include "libmailcore/log/parsed_line.h"

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

#include "libmailcore/base/ascii.h"

namespace ostler::log {
namespace {

std::string_view takeWord(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

/// What stands behind the opening quote, up to the closing one.
std::optional<std::string> takeQuoted(std::string_view& rest) {
  std::string out;
  for (std::size_t at = 0; at < rest.size(); ++at) {
    if (rest[at] == '"') {
      rest.remove_prefix(at + 1);
      return out;
    }
    if (rest[at] != '\\') {
      out += rest[at];
    } else if (rest.substr(at + 1, 1) == "x") {
      const auto octet = fromHex(rest.substr(at + 2, 2));
      if (!octet || octet->size() != 1) return std::nullopt;
      out += *octet;
      at += 3;
    } else {
      if (++at == rest.size()) return std::nullopt;
      out += rest[at];
    }
  }
  return std::nullopt;
}

Result<ParsedLine> parseText(std::string_view rest) {
  ParsedLine line;
  line.time = takeWord(rest);
  (void)takeWord(rest);  // the level
  line.program = takeWord(rest);
  line.event = takeWord(rest);
  if (line.event.empty()) return fail(Error::Kind::syntax, "no event");
  while (!rest.empty()) {
    const std::size_t sign = rest.find('=');
    if (sign == 0 || sign == std::string_view::npos) return fail(Error::Kind::syntax, "a field without a value");
    const std::string key(rest.substr(0, sign));
    rest.remove_prefix(sign + 1);
    if (!rest.starts_with('"')) {
      line.fields[key] = takeWord(rest);
      continue;
    }
    rest.remove_prefix(1);
    auto value = takeQuoted(rest);
    if (!value || !(rest.empty() || rest.front() == ' ')) return fail(Error::Kind::syntax, "a value without its end");
    line.fields[key] = std::move(*value);
    rest.remove_prefix(std::min<std::size_t>(1, rest.size()));
  }
  return line;
}

Result<ParsedLine> parseJson(std::string_view text) {
  const nlohmann::json object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object()) return fail(Error::Kind::syntax, "no JSON object");
  ParsedLine line;
  for (const auto& [key, value] : object.items()) {
    if (!value.is_string()) return fail(Error::Kind::syntax, "a member that is no text");
    line.fields[key] = value.get<std::string>();
  }
  const auto take = [&line](const char* key) {
    auto node = line.fields.extract(key);
    return node.empty() ? std::string() : std::move(node.mapped());
  };
  line.time = take("time");
  (void)take("level");
  line.program = take("program");
  if (const std::string module = take("module"); !module.empty()) line.program += "/" + module;
  line.event = take("event");
  if (line.event.empty()) return fail(Error::Kind::syntax, "no event");
  return line;
}

}  // namespace

std::string_view ParsedLine::at(std::string_view key) const {
  const auto found = fields.find(key);
  return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

Result<ParsedLine> parseLine(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  return line.starts_with('{') ? parseJson(line) : parseText(line);
}

}  // namespace ostler::log
