#include "libmailcore/base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace ostler {

void fillRandom(std::span<unsigned char> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) std::abort();
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

std::string randomOctets(std::size_t count) {
  std::string out(count, '\0');
  fillRandom({reinterpret_cast<unsigned char*>(out.data()), out.size()});
  return out;
}

std::uint64_t randomBelow(std::uint64_t bound) {
  const std::uint64_t unbiased = UINT64_MAX - UINT64_MAX % bound;
  for (;;) {
    std::uint64_t value = 0;
    fillRandom({reinterpret_cast<unsigned char*>(&value), sizeof value});
    if (value < unbiased) return value % bound;
  }
}

}  // namespace ostler
