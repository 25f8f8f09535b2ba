// What a stranger sends costs time in proportion to its size, and a stack that does not grow. Each shape is read at a size and at
// eight times that size; processor time of this thread alone is compared, the best of some runs. What is linear costs eight times as
// much, or some twelve where the larger one no longer fits the processor's cache; what is quadratic sixty-four times.
#include <pthread.h>
#include <time.h>

#include <catch2/catch.hpp>
#include <functional>

#include "libmailcore/message/mime.h"
#include "libmailcore/message/prepared.h"
#include "libmailcore/message/section.h"

namespace ostler::message {
namespace {

constexpr std::size_t kTimes = 8;  // as large
constexpr double kMostFor = 24;    // times as long

double processorSeconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double secondsOf(const std::string& content) {
  constexpr double kLongEnough = 0.002;  // one run, many readings of what is short
  int readings = 0;
  const double start = processorSeconds();
  double spent = 0;
  do {
    (void)prepare(content);
    ++readings;
    spent = processorSeconds() - start;
  } while (spent < kLongEnough);
  return spent / readings;
}

struct Costs {
  double small = 1e9, large = 1e9;  // seconds
  [[nodiscard]] bool areLinear() const { return large < small * kMostFor; }
};

Costs costsOf(const std::string& small, const std::string& large) {
  constexpr int kFewest = 2;
  constexpr int kMost = 25;
  Costs costs;
  for (int run = 0; run < kMost && (run < kFewest || !costs.areLinear()); ++run) {
    costs.small = std::min(costs.small, secondsOf(small));
    costs.large = std::min(costs.large, secondsOf(large));
  }
  return costs;
}

/// Runs on a thread whose stack holds no recursion over a thousand levels.
void onSmallStack(const std::function<void()>& job) {
  constexpr std::size_t kStack = 256 << 10;
  pthread_attr_t attributes;
  pthread_t thread{};
  REQUIRE(::pthread_attr_init(&attributes) == 0);
  REQUIRE(::pthread_attr_setstacksize(&attributes, kStack) == 0);
  const auto run = [](void* what) -> void* {
    (*static_cast<const std::function<void()>*>(what))();
    return nullptr;
  };
  REQUIRE(::pthread_create(&thread, &attributes, run, const_cast<std::function<void()>*>(&job)) == 0);
  ::pthread_join(thread, nullptr);
  ::pthread_attr_destroy(&attributes);
}

std::string repeated(std::string_view what, std::size_t octets) {
  std::string out;
  out.reserve(octets + what.size());
  while (out.size() < octets) out += what;
  return out;
}

std::string levels(std::size_t count) {
  std::string out;
  for (std::size_t n = 0; n < count; ++n) {
    const std::string boundary = "b" + std::to_string(n);
    out += "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n";
  }
  return out;
}

struct Shape {
  const char* name;
  std::size_t size;
  std::string (*make)(std::size_t size);
};

const Shape kShapes[] = {
    {"levels of multipart", 500, [](std::size_t n) { return levels(n) + "\r\ninnermost"; }},
    {"levels of messages", 500, [](std::size_t n) { return repeated("Content-Type: message/rfc822\r\n\r\n", n * 32) + "Subject: x\r\n\r\nend"; }},
    {"parts", 5'000, [](std::size_t n) { return levels(1) + repeated("\r\nx\r\n--b0\r\n", n * 11); }},
    {"lines that begin like a boundary", 1 << 20, [](std::size_t n) { return levels(1) + repeated("\r\n--b", n); }},
    {"such lines below as many levels", 500, [](std::size_t n) { return levels(n) + "\r\n" + repeated("--c\r\n", n * 1000); }},
    {"boundaries of outer levels that never end", 500, [](std::size_t n) { return levels(n) + repeated("\r\n--b0\r\n\r\n--b1\r\n", n * 16); }},
    {"one line of dashes", 1 << 20, [](std::size_t n) { return levels(1) + "\r\n" + std::string(n, '-'); }},
    {"header fields", 1 << 20, [](std::size_t n) { return repeated("X-Field: value\r\n", n) + "\r\nbody"; }},
    {"empty lines", 1 << 20, [](std::size_t n) { return "\r\n" + repeated("\r\n", n); }},
};

TEST_CASE("hostile shapes of a message cost time in proportion to their size, on a small stack") {
  for (const Shape& shape : kShapes) {
    Costs costs;
    onSmallStack([&] { costs = costsOf(shape.make(shape.size / 4), shape.make(shape.size * 2)); });
    INFO(shape.name << ": " << costs.small * 1e3 << " ms, eight times as much: " << costs.large * 1e3 << " ms");
    CHECK(costs.areLinear());
  }
}

TEST_CASE("a field of 400 kB made of one pattern costs time in proportion to one of 50 kB") {
  for (const std::string_view pattern : {"a b ", "=?a?q?", "=?utf-8?q?a?= ", "<a@b>,", "(", "\"", "a=b ", "a:", "; a=b", "<", "@", "a\r\n ",
                                         "[a]", "[fwd:", "\\", "a*0*=", "re: "}) {
    for (const std::string name : {"To", "Subject", "Content-Type", "References"}) {
      const auto field = [&](std::size_t octets) { return name + ": " + repeated(pattern, octets) + "\r\n\r\nbody"; };
      Costs costs;
      onSmallStack([&] { costs = costsOf(field(50'000), field(400'000)); });
      INFO(name << " of '" << pattern << "': " << costs.small * 1e3 << " ms, eight times as much: " << costs.large * 1e3 << " ms");
      CHECK(costs.areLinear());
    }
  }
}

TEST_CASE("a part of 100 MiB is read in time in proportion to its size, and its section has the size BODYSTRUCTURE shows") {
  constexpr std::size_t kWhole = 100U << 20;
  const auto make = [](std::size_t octets) {
    return levels(1) + "Content-Type: text/plain\r\n\r\nfirst\r\n--b0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
           repeated("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n", octets) + "--b0--\r\n";
  };
  Costs costs;
  onSmallStack([&] {
    const std::string content = make(kWhole);
    costs = costsOf(make(kWhole / kTimes), content);
    Window octets(content);
    const Structure structure = parseStructure(octets);
    if (structure.parts.size() != 3) return;
    const Part& large = structure.parts[2];
    const auto section = findSection(structure, octets, parseSection("2").value());
    const std::string shown = prepare(content).bodyStructure;
    CHECK(large.body.length > kWhole - 100);
    CHECK((section && section->length() == large.body.length));
    CHECK(shown.find("\"base64\" " + std::to_string(large.body.length) + " ") != std::string::npos);
    constexpr std::uint64_t kLine = 76;  // of base64, and its line end
    CHECK(decodedSize(structure, octets, {2}).value_or(0) == (large.body.length + 2) / (kLine + 2) * kLine / 4 * 3);
  });
  INFO("12.5 MiB: " << costs.small * 1e3 << " ms, 100 MiB: " << costs.large * 1e3 << " ms");
  CHECK(costs.areLinear());
}

}  // namespace
}  // namespace ostler::message
