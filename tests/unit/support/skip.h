// skip.h - a test case that cannot run here says why, in a line that tests/run counts: it is no pass.
#pragma once

#include <catch2/catch.hpp>
#include <cstdio>
#include <string>

namespace ostler::test {

/// `return test::skip("why");` ends a test case.
inline void skip(const std::string& reason) {
  const std::string name = Catch::getResultCapture().getCurrentTestName();
  std::printf("\nskip %s: %s\n", name.c_str(), reason.c_str());
  std::fflush(stdout);
}

}  // namespace ostler::test
