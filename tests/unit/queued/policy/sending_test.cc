#include "queued/policy/sending.h"

#include <catch2/catch.hpp>

using namespace ostler;
using namespace ostler::policy;
using namespace std::chrono_literals;

namespace {

const WallTime kStart = fromUnixMillis(1'700'000'000'000);

config::SendingLimits limits(std::uint64_t config::SendingLimits::*which, std::uint64_t most) {
  config::SendingLimits made;
  made.*which = most;
  return made;
}

}  // namespace

TEST_CASE("each limit is of what its name says, and 0 is none") {
  using L = config::SendingLimits;
  struct Row {
    std::uint64_t L::*which;
    Amount more;
    const char* words;
  };
  const Amount sent{10, 10, 10};
  for (const Row& row : {Row{&L::messagesPerHour, {1, 0, 0}, "more than 10 messages an hour"}, Row{&L::messagesPerDay, {1, 0, 0}, "more than 10 messages a day"},
                         Row{&L::recipientsPerHour, {0, 1, 0}, "more than 10 recipients an hour"}, Row{&L::recipientsPerDay, {0, 1, 0}, "more than 10 recipients a day"},
                         Row{&L::newRecipientsPerHour, {0, 0, 1}, "more than 10 new recipients an hour"},
                         Row{&L::newRecipientsPerDay, {0, 0, 1}, "more than 10 new recipients a day"}}) {
    CAPTURE(row.words);
    Sender sender;
    CHECK_FALSE(excess(sender, limits(row.which, 10), sent, kStart));
    count(sender, sent, kStart);
    CHECK(excess(sender, limits(row.which, 10), row.more, kStart) == row.words);
    CHECK_FALSE(excess(sender, limits(row.which, 0), row.more, kStart));
    CHECK_FALSE(excess(sender, limits(row.which, 11), row.more, kStart));
  }
}

TEST_CASE("what was sent stops counting little by little when its hour is over") {
  Sender sender;
  count(sender, {60, 60, 0}, kStart);
  CHECK(sentInHour(sender, kStart + 59min).messages == 60);
  CHECK(sentInHour(sender, kStart + 61min).messages == 59);
  CHECK(sentInHour(sender, kStart + 90min).messages == 30);
  CHECK(sentInHour(sender, kStart + 2h).messages == 0);
  CHECK(sentInDay(sender, kStart + 2h).messages == 60);
  CHECK(sentInDay(sender, kStart + 48h).messages == 0);
  count(sender, {5, 5, 0}, kStart + 90min);
  CHECK(sentInHour(sender, kStart + 90min).messages == 35);
}

TEST_CASE("a clock that was set back forgives nothing and loses nothing") {
  Sender sender;
  count(sender, {7, 7, 7}, kStart);
  CHECK(sentInHour(sender, kStart - 5h).messages == 7);
  CHECK(sentInDay(sender, kStart - 24h * 30).recipients == 7);
}

TEST_CASE("what did not become mail is taken back, and never more than there was") {
  Sender sender;
  count(sender, {1, 20, 3}, kStart);
  takeBack(sender, {1, 20, 3});
  CHECK(sentInDay(sender, kStart).recipients == 0);
  takeBack(sender, {1, 20, 3});
  CHECK(sentInDay(sender, kStart).recipients == 0);
}

TEST_CASE("a user who sent long ago is forgotten, one who is frozen is not") {
  Sender sender;
  count(sender, {1, 1, 0}, kStart);
  CHECK_FALSE(sender.isForgotten(kStart + 47h));
  CHECK(sender.isForgotten(kStart + 48h));
  sender.frozen = kStart;
  CHECK_FALSE(sender.isForgotten(kStart + 48h));
}
