#include "queued/health/exposition.h"

#include <catch2/catch.hpp>

namespace ostler::health {
namespace {

using prometheus::MetricType;

TEST_CASE("metrics are text with a help line, a type line and a line for each number") {
  Exposition out;
  out.family("ostler_queue_messages", MetricType::Gauge, "messages in the queue");
  out.sample({}, 3);
  CHECK(out.text() ==
        "# HELP ostler_queue_messages messages in the queue\n# TYPE ostler_queue_messages gauge\nostler_queue_messages 3\n");
}

TEST_CASE("a large number is written to its last digit") {
  Exposition out;
  out.family("ostler_disk_free_octets", MetricType::Gauge, "");
  out.sample({{"folder", "/"}}, 1'234'567'890'123'456);
  out.sample({{"folder", "/var"}}, 1'795'367'640);
  CHECK(out.text() ==
        "# TYPE ostler_disk_free_octets gauge\nostler_disk_free_octets{folder=\"/\"} 1234567890123456\nostler_disk_free_octets{folder=\"/var\"} 1795367640\n");
}

TEST_CASE("a histogram counts what took up to each time, and ends with their sum in seconds") {
  Exposition out;
  const std::uint64_t upTo[] = {5, 2000};
  const std::uint64_t counts[] = {3, 0, 2};
  out.histogram("ostler_sync_seconds", "x", upTo, counts, 7'000'042);
  CHECK(out.text() ==
        "# HELP ostler_sync_seconds x\n# TYPE ostler_sync_seconds histogram\nostler_sync_seconds_count 5\nostler_sync_seconds_sum 7.000042\n"
        "ostler_sync_seconds_bucket{le=\"0.005\"} 3\nostler_sync_seconds_bucket{le=\"2\"} 3\nostler_sync_seconds_bucket{le=\"+Inf\"} 5\n");
}

TEST_CASE("a label's value cannot end its quotes") {
  Exposition out;
  out.family("x", MetricType::Counter, "");
  out.sample({{"a", "q\"\n\\"}, {"b", "c"}}, 1);
  CHECK(out.text() == "# TYPE x counter\nx{a=\"q\\\"\\n\\\\\",b=\"c\"} 1\n");
}

TEST_CASE("a family whose name is none for Prometheus is left away, with its numbers") {
  Exposition out;
  out.family("ostler_queue_a b", MetricType::Gauge, "");
  out.sample({}, 1);
  const std::uint64_t counts[] = {1};
  out.histogram("1", "", {}, counts, 1);
  out.family("ostler_queue_held", MetricType::Gauge, "");
  out.sample({}, 2);
  CHECK(out.text() == "# TYPE ostler_queue_held gauge\nostler_queue_held 2\n");
}

}  // namespace
}  // namespace ostler::health
