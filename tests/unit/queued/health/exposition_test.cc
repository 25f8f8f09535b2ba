#include "queued/health/exposition.h"

#include <catch2/catch.hpp>

namespace ostler::health {
namespace {

TEST_CASE("metrics are text with a help line, a type line and a line for each number") {
  Exposition out;
  out.family("ostler_queue_messages", "gauge", "messages in the queue");
  out.sample("ostler_queue_messages", {}, 3);
  CHECK(out.text() ==
        "# HELP ostler_queue_messages messages in the queue\n# TYPE ostler_queue_messages gauge\nostler_queue_messages 3\n");
}

TEST_CASE("a histogram counts what took up to each time, and ends with their sum in seconds") {
  ostler::health::Exposition out;
  const std::uint64_t upTo[] = {5, 2000};
  const std::uint64_t counts[] = {3, 0, 2};
  out.histogram("ostler_sync_seconds", "x", upTo, counts, 7'000'042);
  CHECK(out.text() ==
        "# HELP ostler_sync_seconds x\n# TYPE ostler_sync_seconds histogram\nostler_sync_seconds_bucket{le=\"0.005000\"} 3\n"
        "ostler_sync_seconds_bucket{le=\"2.000000\"} 3\nostler_sync_seconds_bucket{le=\"+Inf\"} 5\nostler_sync_seconds_sum 7.000042\nostler_sync_seconds_count 5\n");
}

TEST_CASE("a label's value cannot end its quotes") {
  Exposition out;
  out.sample("x", {{"a", "q\"\n\\"}, {"b", "c"}}, 1);
  CHECK(out.text() == "x{a=\"q\\\"\\n\\\\\",b=\"c\"} 1\n");
}

}  // namespace
}  // namespace ostler::health
