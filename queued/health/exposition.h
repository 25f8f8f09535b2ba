// exposition.h - numbers that others have counted as families of prometheus-cpp, whose TextSerializer writes what Prometheus reads.
// Pure. Is not: counting (libmailcore/metrics), which must cost no lock and outlive its process; so the library's registry stays empty.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

namespace ostler::health {

using Labels = std::vector<prometheus::ClientMetric::Label>;

class Exposition final : public prometheus::Collectable {
 public:
  /// Begins a family; what follows belongs to it. A name that is none for Prometheus is left away, with what belongs to it: one bad
  /// line and none of the others would be read.
  void family(std::string name, prometheus::MetricType type, std::string help);
  /// REQUIRES: the family is a counter or a gauge.
  void sample(Labels labels, double value);
  /// A family of its own: how many took up to how long. `counts`: of each class alone, one more than `upToMillis` has.
  void histogram(std::string name, std::string help, std::span<const std::uint64_t> upToMillis, std::span<const std::uint64_t> counts,
                 std::uint64_t micros);

  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override { return families_; }
  [[nodiscard]] std::string text() const;

 private:
  std::vector<prometheus::MetricFamily> families_;
  bool isLeftAway_ = true;
};

}  // namespace ostler::health
