#include "libmailcore/smtp/line_ends.h"

#include <catch2/catch.hpp>
#include <string>

namespace ostler::smtp {
namespace {

TEST_CASE("line ends: bare ones are found however the content is cut") {
  struct Row {
    std::string content;
    bool bare;
    bool atLineStart;
  };
  const Row row = GENERATE(values<Row>({{"", false, true},
                                        {"a\r\nb\r\n", false, true},
                                        {"a\r\nb", false, false},
                                        {"\r\n\r\n", false, true},
                                        {"a\nb\r\n", true, true},
                                        {"\n", true, true},
                                        {"a\rb\r\n", true, true},
                                        {"\r\r\n", true, true},
                                        {"a\r\n\n", true, true},
                                        {"a\r", false, false}}));
  CAPTURE(row.content);
  for (const std::size_t step : {1U, 2U, 3U, 100U}) {
    CAPTURE(step);
    LineEnds ends;
    for (std::size_t at = 0; at < row.content.size(); at += step)
      ends.look(std::string_view(row.content).substr(at, step));
    CHECK(ends.bare() == row.bare);
    if (!row.bare) CHECK(ends.atLineStart() == row.atLineStart);
  }
}

}  // namespace
}  // namespace ostler::smtp
