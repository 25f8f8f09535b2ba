#include "libmailcore/message/octet_scan.h"

#include <algorithm>

#include "libmailcore/message/prepared.h"
#include "libmailcore/message/vectors.h"

namespace ostler::message {
namespace {

Octets is(Octets octets, char c) {
  return reinterpret_cast<Octets>(octets == static_cast<std::uint8_t>(c));
}
std::uint64_t sum(Octets octets) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < kWidth; ++i) total += octets[i];
  return total;
}

/// What two neighbours tell, for the octets the vectors do not reach.
void lookAt(ContentFacts& facts, char c, char next) {
  facts.lines += c == '\n';
  facts.needsDotStuffing |= c == '\n' && next == '.';
  facts.isBinary |= c == '\0';
  facts.hasBareLineEnds |= (c == '\r') != (next == '\n');
  facts.has8Bit |= static_cast<unsigned char>(c) > 127;
}

}  // namespace

std::uint64_t countLineFeeds(std::string_view octets) {
  std::uint64_t total = 0;
  while (octets.size() >= kWidth) {
    Octets count{};  // one octet a column: at most 255 rounds
    const std::size_t rounds = std::min<std::size_t>(255, octets.size() / kWidth);
    for (std::size_t i = 0; i < rounds; ++i) count -= is(load(octets.data() + i * kWidth), '\n');
    total += sum(count);
    octets.remove_prefix(rounds * kWidth);
  }
  return total + static_cast<std::uint64_t>(std::count(octets.begin(), octets.end(), '\n'));
}

// 255 vectors at a time: their LFs are counted, and only a vector with a hit is looked at octet by octet.
DashLine findDashLine(std::string_view octets) {
  DashLine found;
  while (octets.size() - found.at >= kWidth + 2) {
    const std::size_t rounds = std::min<std::size_t>(255, (octets.size() - found.at - 2) / kWidth);
    Octets count{};
    std::size_t done = 0;
    bool hit = false;
    for (; done < rounds && !hit; ++done) {
      const char* const here = octets.data() + found.at + done * kWidth;
      const Octets lf = is(load(here), '\n');
      hit = any(lf & is(load(here + 1), '-') & is(load(here + 2), '-'));
      if (!hit) count -= lf;
    }
    found.lineFeeds += sum(count);
    found.at += (hit ? done - 1 : done) * kWidth;
    if (hit) break;
  }
  for (; found.at < octets.size(); ++found.at) {
    if (octets[found.at] != '\n') continue;
    ++found.lineFeeds;
    if (octets.substr(found.at + 1, 2) == "--") {
      ++found.at;
      return found;
    }
  }
  return found;
}

bool has8Bit(std::string_view octets) {
  constexpr std::size_t kBlock = kWidth * 64;
  constexpr Octets kHigh = Octets{} + 128;
  while (octets.size() >= kBlock) {
    Octets seen{};
    for (std::size_t i = 0; i < kBlock; i += kWidth) seen |= load(octets.data() + i);
    if (any(seen & kHigh)) return true;
    octets.remove_prefix(kBlock);
  }
  return std::any_of(octets.begin(), octets.end(), [](char c) { return static_cast<unsigned char>(c) > 127; });
}

ContentFacts contentFacts(std::string_view content) {
  ContentFacts facts;
  facts.size = content.size();
  if (content.empty()) return facts;
  facts.needsDotStuffing = content.front() == '.';
  facts.hasBareLineEnds = content.front() == '\n';
  facts.endsWithLineEnd = content.ends_with("\r\n");
  std::size_t at = 0;
  Octets dots{};
  Octets bare{};
  Octets nuls{};
  Octets high{};
  while (content.size() - at > kWidth) {  // one octet more than a vector: each looks at its right neighbours
    Octets count{};
    const std::size_t rounds = std::min<std::size_t>(255, (content.size() - at - 1) / kWidth);
    for (std::size_t i = 0; i < rounds; ++i, at += kWidth) {
      const Octets here = load(content.data() + at);
      const Octets next = load(content.data() + at + 1);
      const Octets lf = is(here, '\n');
      count -= lf;
      dots |= lf & is(next, '.');
      bare |= is(here, '\r') ^ is(next, '\n');
      nuls |= is(here, '\0');
      high |= here;
    }
    facts.lines += sum(count);
  }
  facts.needsDotStuffing |= any(dots);
  facts.hasBareLineEnds |= any(bare);
  facts.isBinary |= any(nuls);
  facts.has8Bit |= any(high & (Octets{} + 128));
  for (; at < content.size(); ++at) lookAt(facts, content[at], at + 1 < content.size() ? content[at + 1] : ' ');
  return facts;
}

}  // namespace ostler::message
