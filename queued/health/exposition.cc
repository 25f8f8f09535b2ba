#include "queued/health/exposition.h"

namespace ostler::health {
namespace {

// In a label's value backslash, quote and line feed are escaped.
void appendEscaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

}  // namespace

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  text_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
  text_.append(name).append(" ").append(type).append("\n");
}

void Exposition::sample(std::string_view name, const Labels& labels, std::int64_t value) {
  text_ += name;
  const char* separator = "{";
  for (const auto& [label, text] : labels) {
    text_.append(separator).append(label).append("=\"");
    appendEscaped(text_, text);
    text_ += '"';
    separator = ",";
  }
  if (!labels.empty()) text_ += '}';
  text_.append(" ").append(std::to_string(value)).append("\n");
}

}  // namespace ostler::health
