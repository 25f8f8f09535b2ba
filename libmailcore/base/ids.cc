#include "libmailcore/base/ids.h"

#include <algorithm>
#include <mutex>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/random.h"

namespace ostler {
namespace {

constexpr std::string_view kIdAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";

// The next greater value of the 80 random bits, so that ids of one millisecond keep their order.
bool increment(std::array<unsigned char, 16>& octets) {
  for (std::size_t at = 16; at-- > 6;) {
    if (++octets[at] != 0) return true;
  }
  return false;
}

std::array<unsigned char, 16> freshOctets(std::uint64_t millis) {
  std::array<unsigned char, 16> octets{};
  fillRandom(std::span(octets).subspan(6));
  for (std::size_t at = 0; at < 6; ++at) octets[at] = static_cast<unsigned char>(millis >> (40 - 8 * at));
  return octets;
}

}  // namespace

Id128 Id128::make(WallTime now) {
  // The last id of this process: what makes "a later one is greater" hold within a millisecond and when the clock steps back.
  static std::mutex mutex;
  static std::array<unsigned char, 16> last{};
  const auto fresh = freshOctets(static_cast<std::uint64_t>(std::max<std::int64_t>(0, toUnixMillis(now))));
  const std::scoped_lock lock(mutex);
  if (fresh > last || !increment(last)) last = fresh;
  return Id128(last);
}

std::optional<Id128> Id128::fromOctets(std::string_view octets) {
  if (octets.size() != 16) return std::nullopt;
  Id128 id;
  std::memcpy(id.octets_.data(), octets.data(), 16);
  return id;
}

// 128 bits in 26 digits of 5, from the last to the first, which carries the top 3 bits alone. POP3 asks for 100,000 at once.
std::string Id128::text() const {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    high = high << 8 | octets_[i];
    low = low << 8 | octets_[i + 8];
  }
  std::string out(26, '\0');
  for (std::size_t i = out.size(); i-- > 0;) {
    out[i] = kIdAlphabet[low & 31U];
    low = low >> 5 | high << 59;
    high >>= 5;
  }
  return out;
}

std::optional<Id128> Id128::parse(std::string_view text) {
  if (text.size() != 26) return std::nullopt;
  Id128 id;
  unsigned buffer = 0;
  int bits = -2;
  std::size_t out = 0;
  for (const char& c : text) {
    const auto digit = kIdAlphabet.find(toAsciiLower(c));
    if (digit == std::string_view::npos || (&c == text.data() && digit > 7)) return std::nullopt;
    buffer = (buffer << 5 | static_cast<unsigned>(digit)) & 0xFFFFU;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      id.octets_[out++] = static_cast<unsigned char>(buffer >> bits);
    }
  }
  return id;
}

WallTime Id128::time() const {
  std::int64_t millis = 0;
  for (std::size_t at = 0; at < 6; ++at) millis = millis << 8 | octets_[at];
  return fromUnixMillis(millis);
}

}  // namespace ostler
