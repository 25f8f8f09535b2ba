// counted.h - Counted: one more of something that is under way, until it goes.
#pragma once

#include <cstddef>

namespace ostler::queued::auth {

struct Counted {
  std::size_t& of;
  explicit Counted(std::size_t& number) : of(number) { ++of; }
  ~Counted() { --of; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
};

}  // namespace ostler::queued::auth
