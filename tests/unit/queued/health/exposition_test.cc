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

TEST_CASE("a label's value cannot end its quotes") {
  Exposition out;
  out.sample("x", {{"a", "q\"\n\\"}, {"b", "c"}}, 1);
  CHECK(out.text() == "x{a=\"q\\\"\\n\\\\\",b=\"c\"} 1\n");
}

}  // namespace
}  // namespace ostler::health
