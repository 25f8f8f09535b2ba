#include "queued/health/exposition.h"

#include <prometheus/check_names.h>
#include <prometheus/text_serializer.h>

namespace ostler::health {

void Exposition::family(std::string name, prometheus::MetricType type, std::string help) {
  isLeftAway_ = !prometheus::CheckMetricName(name);
  if (!isLeftAway_) families_.push_back({std::move(name), std::move(help), type, {}});
}

void Exposition::sample(Labels labels, double value) {
  if (isLeftAway_) return;
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  (families_.back().type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  families_.back().metric.push_back(std::move(metric));
}

void Exposition::histogram(std::string name, std::string help, std::span<const std::uint64_t> upToMillis, std::span<const std::uint64_t> counts,
                           std::uint64_t micros) {
  family(std::move(name), prometheus::MetricType::Histogram, std::move(help));
  if (isLeftAway_) return;
  prometheus::ClientMetric metric;
  for (std::size_t at = 0; at < counts.size(); ++at) {
    metric.histogram.sample_count += counts[at];
    if (at < upToMillis.size()) metric.histogram.bucket.push_back({metric.histogram.sample_count, static_cast<double>(upToMillis[at]) / 1e3});
  }
  metric.histogram.sample_sum = static_cast<double>(micros) / 1e6;
  families_.back().metric.push_back(std::move(metric));
}

std::string Exposition::text() const { return prometheus::TextSerializer().Serialize(families_); }

}  // namespace ostler::health
