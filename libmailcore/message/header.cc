#include "libmailcore/message/header.h"

#include "libmailcore/base/ascii.h"

namespace ostler::message {
namespace {

// An mbox "From " line has a colon too, in its time: a name has no blanks inside. RFC 5322 2.2.
std::string_view fieldName(std::string_view beforeColon) {
  while (!beforeColon.empty() && isWsp(beforeColon.back())) beforeColon.remove_suffix(1);  // obsolete: RFC 5322 4.5.3
  for (const char c : beforeColon) {
    if (c == ' ' || isAsciiControl(c)) return {};
  }
  return beforeColon;
}

std::string_view withoutLineEnd(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

HeaderView::HeaderView(std::string_view content) {
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t emptyLine = content[at] == '\n' ? 1 : content.substr(at, 2) == "\r\n" ? 2 : 0;
    if (emptyLine > 0) {
      text_ = content.substr(0, at + emptyLine);
      fieldsLength_ = at;
      return;
    }
    const std::size_t lf = content.find('\n', at);
    if (lf == std::string_view::npos) break;
    at = lf + 1;
  }
  text_ = content;
  fieldsLength_ = content.size();
}

void HeaderView::Iterator::read(std::size_t at) {
  if (at >= fields_.size()) {
    field_ = {};
    return;
  }
  std::size_t end = at;
  do {
    const std::size_t lf = fields_.find('\n', end);
    end = lf == std::string_view::npos ? fields_.size() : lf + 1;
  } while (end < fields_.size() && isWsp(fields_[end]));
  const std::string_view line = withoutLineEnd(fields_.substr(at, end - at));
  field_ = {{}, line, at, end - at};
  const std::size_t colon = isWsp(line.empty() ? ' ' : line.front()) ? std::string_view::npos : line.find(':');
  if (colon == std::string_view::npos) return;
  field_.name = fieldName(line.substr(0, colon));
  if (!field_.name.empty()) field_.value = line.substr(colon + 1);
}

std::optional<HeaderField> HeaderView::find(std::string_view name) const {
  for (const HeaderField& field : *this) {
    if (!field.name.empty() && equalsIgnoreCase(field.name, name)) return field;
  }
  return std::nullopt;
}

std::vector<HeaderField> HeaderView::findAll(std::string_view name) const {
  std::vector<HeaderField> found;
  for (const HeaderField& field : *this) {
    if (!field.name.empty() && equalsIgnoreCase(field.name, name)) found.push_back(field);
  }
  return found;
}

std::string HeaderView::unfolded(std::string_view name) const {
  const std::optional<HeaderField> field = find(name);
  return field ? unfold(field->value) : std::string();
}

std::string unfold(std::string_view raw) {
  constexpr std::string_view kTakenOut("\r\n\0", 3);
  raw = trim(raw);
  std::size_t cut = raw.find_first_of(kTakenOut);
  if (cut == std::string_view::npos) return std::string(raw);
  std::string out;
  out.reserve(raw.size());
  for (std::size_t at = 0;; cut = raw.find_first_of(kTakenOut, at)) {
    out += raw.substr(at, cut == std::string_view::npos ? cut : cut - at);
    if (cut == std::string_view::npos) return out;
    at = cut + 1;
  }
}

}  // namespace ostler::message
