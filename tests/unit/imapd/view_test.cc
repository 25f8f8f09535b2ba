#include "imapd/view.h"

#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "imapd/updates.h"

using namespace ostler;
using namespace ostler::imap;

namespace {

Numbers numbersOf(std::vector<std::uint32_t> uids) {
  const std::size_t count = uids.size();
  return Numbers(std::make_shared<const std::vector<std::uint32_t>>(std::move(uids)), count);
}

View viewOf(std::vector<std::uint32_t> uids) {
  View view;
  view.modSeq = 10;
  view.uidNext = uids.empty() ? 1 : uids.back() + 1;
  view.exists = static_cast<std::uint32_t>(uids.size());
  view.numbers = std::make_shared<const Numbers>(numbersOf(std::move(uids)));
  view.mailbox.uidNext = view.uidNext;
  return view;
}

store::Changes changesOf(const View& view, UidSet vanished, std::vector<store::Changes::Row> changed) {
  store::Changes changes;
  changes.mailbox = view.mailbox;
  changes.mailbox.highestModSeq = 20;
  changes.vanished = std::move(vanished);
  changes.changed = std::move(changed);
  if (!changes.changed.empty()) {
    changes.mailbox.uidNext = std::max(view.uidNext, changes.changed.back().uid.value + 1);
  }
  return changes;
}

std::string told(View& view, const store::Changes& changes, Expunges expunges, UpdateForm form = {}) {
  std::string out;
  applyChanges(out, view, changes, expunges, form);
  return out;
}

}  // namespace

TEST_CASE("numbers: after any adding and removing they are what counting gives") {
  std::mt19937 random(1);
  std::set<std::uint32_t> model;
  std::vector<std::uint32_t> first;
  std::uint32_t next = 1;
  for (int i = 0; i < 2'000; ++i) first.push_back(next += 1 + random() % 3);
  model.insert(first.begin(), first.end());
  Numbers numbers = numbersOf(first);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint32_t> added;
    for (std::uint32_t i = random() % 5; i > 0; --i) added.push_back(next += 1 + random() % 3);
    numbers = numbers.with(added);
    model.insert(added.begin(), added.end());
    std::set<std::uint32_t> chosen;
    for (std::uint32_t i = random() % 8; i > 0; --i)
      chosen.insert(*std::next(model.begin(), static_cast<std::ptrdiff_t>(random() % model.size())));
    std::vector<Uid> removed;
    for (const std::uint32_t uid : chosen) removed.push_back(Uid{uid});
    numbers = numbers.without(removed);
    for (const std::uint32_t uid : chosen) model.erase(uid);

    REQUIRE(numbers.count() == model.size());
    Numbers::Cursor cursor(std::make_shared<const Numbers>(numbers));
    bool good = true;
    std::uint32_t place = 0;
    for (const std::uint32_t uid : model) {
      ++place;
      good = good && numbers.uid({place}).value == uid && numbers.number(Uid{uid}) == SequenceNumber{place};
      if (random() % 3 != 0) good = good && cursor.number(Uid{uid}) == SequenceNumber{place};
    }
    for (const Uid uid : removed) good = good && !numbers.number(uid);
    REQUIRE(good);
  }
}

TEST_CASE("numbers: a run of numbers is a run of UIDs") {
  const Numbers numbers = numbersOf({2, 4, 6, 8}).without({Uid{4}}).with({10, 12});
  CHECK(numbers.uids({{1, 2}, {4, 5}}).text() == "2:6,10:12");
  CHECK(numbers.largest() == Uid{12});
  CHECK(numbers.known(UidSet::of({Uid{3}, Uid{10}})) == std::vector<Uid>{{6}, {8}, {10}});
}

TEST_CASE("numbers of an older state are put together from the list of now and what vanished since") {
  View view;
  view.modSeq = 10;
  view.uidNext = 6;
  view.exists = 4;
  store::Changes changes;
  changes.vanished = UidSet::of({Uid{2}, Uid{2}});
  changes.vanished.add({Uid{7}, Uid{8}});
  const auto now = std::make_shared<const std::vector<std::uint32_t>>(std::vector<std::uint32_t>{1, 3, 5, 9});
  const auto numbers = numbersAt(view, now, changes);
  REQUIRE(numbers);
  CHECK(numbers->known(UidSet::all()) == std::vector<Uid>{{1}, {2}, {3}, {5}});
  changes.complete = false;
  CHECK_FALSE(numbersAt(view, now, changes));
}

TEST_CASE("updates: each EXPUNGE counts from what the one before it left") {
  View view = viewOf({1, 2, 3, 4, 5});
  UidSet gone = UidSet::of({Uid{2}, Uid{3}});
  gone.add(Uid{5});
  CHECK(told(view, changesOf(view, gone, {}), Expunges::now) == "* 2 EXPUNGE\r\n* 2 EXPUNGE\r\n* 3 EXPUNGE\r\n");
  CHECK(view.exists == 2);
}

TEST_CASE("updates: while a command uses numbers, what is gone keeps its number until later") {
  View view = viewOf({1, 2, 3});
  CHECK(told(view, changesOf(view, UidSet::of({Uid{1}, Uid{1}}), {{Uid{3}, store::Flags{1}, 20}}), Expunges::later) ==
        "* 3 FETCH (FLAGS (\\Seen))\r\n");
  CHECK(view.exists == 3);
  CHECK(told(view, changesOf(view, {}, {}), Expunges::now, {true, true}) == "* VANISHED 1\r\n");
  CHECK(view.exists == 2);
}

TEST_CASE("updates: new messages are counted, and one that came and went is not mentioned") {
  View view = viewOf({1, 2});
  CHECK(told(view, changesOf(view, UidSet::of({Uid{3}, Uid{3}}), {{Uid{4}, {}, 20}}), Expunges::now) ==
        "* 3 EXISTS\r\n");
  CHECK(view.numbers->uid({3}) == Uid{4});
  CHECK(view.uidNext == 5);
}

TEST_CASE("updates: a session is not told of its own changes") {
  View view = viewOf({1, 2});
  view.changedByUs(11);
  CHECK(view.modSeq == 11);  // nothing can lie between 10 and 11
  view.changedByUs(15);
  CHECK(told(view, changesOf(view, {}, {{Uid{1}, store::Flags{1}, 13}, {Uid{2}, store::Flags{1}, 15}}),
             Expunges::now) == "* 1 FETCH (FLAGS (\\Seen))\r\n");
  CHECK(view.own.empty());
}
