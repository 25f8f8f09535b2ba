#include "libmailcore/message/priority.h"

#include <catch2/catch.hpp>

#include <vector>

namespace ostler::message {
namespace {

TEST_CASE("a message says its priority once, whatever it said before") {
  CHECK(withPriorityField("MT-Priority: 9\r\nSubject: x\r\nmt-priority:\r\n 3\r\n\r\nMT-Priority: body\r\n", -2) ==
        "MT-Priority: -2\r\nSubject: x\r\n\r\nMT-Priority: body\r\n");
}

TEST_CASE("a priority is read from the only field of that name, and from a good one alone: RFC 6758 3.1") {
  struct Row {
    std::string header;
    bool any;
    std::optional<std::int8_t> value;
  };
  const std::vector<Row> rows = {
      {"Subject: x\r\n", false, {}},
      {"MT-Priority: 3\r\n", true, 3},
      {"mt-priority:\r\n -9 \r\nSubject: x\r\n", true, -9},
      {"MT-Priority: 0\r\n", true, 0},
      {"MT-Priority: 10\r\n", true, {}},
      {"MT-Priority: -0\r\n", true, {}},
      {"MT-Priority: +3\r\n", true, {}},
      {"MT-Priority:\r\n", true, {}},
      {"MT-Priority: 3\r\nMT-Priority: 3\r\n", true, {}},
      {"Subject: x\r\n\r\nMT-Priority: 3\r\n", false, {}},
  };
  for (const Row& row : rows) {
    INFO(row.header);
    const PriorityFields read = priorityFields(row.header + "\r\nbody\r\n");
    CHECK(read.any == row.any);
    CHECK(read.value == row.value);
  }
}

}  // namespace
}  // namespace ostler::message
