// exposition.h - numbers as the text that Prometheus reads (its text format 0.0.4). Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ostler::health {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

class Exposition {
 public:
  /// HELP and TYPE of what follows; `type`: "counter" or "gauge".
  void family(std::string_view name, std::string_view type, std::string_view help);
  /// One number of that family.
  void sample(std::string_view name, const Labels& labels, std::int64_t value);
  /// A family of its own: how many took up to how long. `counts`: of each class alone, one more than `upToMillis` has.
  void histogram(std::string_view name, std::string_view help, std::span<const std::uint64_t> upToMillis, std::span<const std::uint64_t> counts,
                 std::uint64_t micros);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace ostler::health
