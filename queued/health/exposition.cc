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

void Exposition::histogram(std::string_view name, std::string_view help, std::span<const std::uint64_t> upToMillis,
                           std::span<const std::uint64_t> counts, std::uint64_t micros) {
  const auto seconds = [](std::uint64_t millionths) {
    const std::string fraction = std::to_string(millionths % 1'000'000);
    return std::to_string(millionths / 1'000'000) + "." + std::string(6 - fraction.size(), '0') + fraction;
  };
  family(name, "histogram", help);
  const std::string bucket = std::string(name) + "_bucket";
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at < counts.size(); ++at) {
    sum += counts[at];
    sample(bucket, {{"le", at < upToMillis.size() ? seconds(upToMillis[at] * 1000) : "+Inf"}}, static_cast<std::int64_t>(sum));
  }
  text_.append(name).append("_sum ").append(seconds(micros)).append("\n");
  sample(std::string(name) + "_count", {}, static_cast<std::int64_t>(sum));
}

}  // namespace ostler::health
