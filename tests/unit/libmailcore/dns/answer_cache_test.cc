#include "libmailcore/dns/answer_cache.h"

#include <catch2/catch.hpp>

namespace ostler::dns {
namespace {

using namespace std::chrono_literals;

Answer found(std::chrono::seconds ttl) { return Answer{.status = Status::insecure, .ttl = ttl, .texts = {"x"}}; }

TEST_CASE("an answer is found until its TTL ends, and says what is left of it") {
  AnswerCache cache;
  const SteadyTime start{};
  cache.put("a.example", Type::txt, found(60s), start);
  CHECK(cache.find("a.example", Type::txt, start + 20s)->ttl == 40s);
  CHECK_FALSE(cache.find("a.example", Type::mx, start));
  CHECK_FALSE(cache.find("a.example", Type::txt, start + 60s));
  CHECK(cache.findExpired("a.example", Type::txt, start + 61s)->expired);
  CHECK_FALSE(cache.findExpired("a.example", Type::txt, start + 25h));
  cache.put("a.example", Type::txt, found(10s), start + 100s);
  CHECK(cache.find("a.example", Type::txt, start + 105s)->ttl == 5s);
}

TEST_CASE("what is bogus or failed is not kept, what is not there is") {
  AnswerCache cache;
  const SteadyTime start{};
  for (const Status status : {Status::bogus, Status::tempfail}) {
    cache.put("a.example", Type::mx, Answer{.status = status, .ttl = 60s}, start);
    CHECK_FALSE(cache.find("a.example", Type::mx, start));
  }
  cache.put("a.example", Type::mx, Answer{.status = Status::nxdomain, .ttl = 60s}, start);
  CHECK(cache.find("a.example", Type::mx, start)->status == Status::nxdomain);
}

TEST_CASE("when the cache is full, the answer used longest ago makes room") {
  AnswerCache cache(2);
  const SteadyTime start{};
  cache.put("a", Type::txt, found(60s), start);
  cache.put("b", Type::txt, found(60s), start);
  CHECK(cache.find("a", Type::txt, start));
  cache.put("c", Type::txt, found(60s), start);
  CHECK(cache.find("a", Type::txt, start));
  CHECK_FALSE(cache.find("b", Type::txt, start));
}

}  // namespace
}  // namespace ostler::dns
