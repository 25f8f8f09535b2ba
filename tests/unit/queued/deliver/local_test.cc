#include "queued/deliver/local.h"

#include <sys/mman.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "libmailcore/store/memory_store.h"

namespace ostler::deliver {
namespace {

using State = LocalOutcome::State;

/// Counts the accounts that somebody has open.
class CountingStore final : public store::Store {
 public:
  explicit CountingStore(Loop& loop) : loop_(loop), inner_(store::makeMemoryStore(loop)) {}
  [[nodiscard]] Task<Result<std::shared_ptr<store::Account>>> open(Id128 account, UniqueFd folder, store::Quota limits) override {
    co_await loop_.yield();
    Result<std::shared_ptr<store::Account>> opened = co_await inner_->open(account, std::move(folder), limits);
    if (!opened) co_return fail(opened.error());
    most = std::max(most, ++open_);
    store::Account* const at = opened->get();
    co_return std::shared_ptr<store::Account>(at, [this, kept = std::move(*opened)](store::Account*) { --open_; });
  }
  std::size_t most = 0;

 private:
  Loop& loop_;
  std::unique_ptr<store::Store> inner_;
  std::size_t open_ = 0;
};

/// Mailboxes of as many accounts as are asked for, in a folder of its own.
class Room {
 public:
  Room() { std::filesystem::create_directories(folder_); }
  ~Room() { std::filesystem::remove_all(folder_); }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  void deliver(std::uint64_t account, Parcel parcel) {
    ipc::Account to;
    to.id = Id128::make(WallTime(std::chrono::seconds(account)));
    to.address = "u" + std::to_string(account) + "@example.test";
    parcel.message = kMessage;
    mailboxes_.deliver(to, std::move(parcel), [this](LocalOutcome outcome) { outcomes.push_back(std::move(outcome)); });
  }
  void waitFor(std::size_t count) {
    while (outcomes.size() < count) loop_.runUntilDone(loop_.yield());
  }
  std::vector<LocalOutcome> outcomes;
  [[nodiscard]] const CountingStore& store() const { return store_; }

 private:
  static inline const Id128 kMessage = Id128::make(WallTime(std::chrono::hours(1)));
  const std::string folder_ = std::filesystem::temp_directory_path() / ("ostler-local-" + Id128::make(std::chrono::system_clock::now()).text());
  Loop loop_;
  CountingStore store_{loop_};
  LocalDelivery mailboxes_{loop_, store_, folder_, log::Log()};
};

Parcel large(std::function<Result<UniqueFd>()> file) {
  Parcel parcel;
  parcel.file = std::move(file);
  parcel.size = 1U << 20;
  return parcel;
}

}  // namespace

TEST_CASE("a message to hundreds of mailboxes is written to some at a time, and holds no more descriptors than those") {
  constexpr std::size_t kMailboxes = 600;
  Room room;
  std::size_t opened = 0;
  for (std::size_t at = 0; at < kMailboxes; ++at) {
    room.deliver(at, large([&opened]() -> Result<UniqueFd> {
                   ++opened;
                   UniqueFd file(::memfd_create("content", MFD_CLOEXEC));
                   REQUIRE(::ftruncate(file.get(), 1U << 20) == 0);
                   return file;
                 }));
  }
  CHECK(opened == 0);
  room.waitFor(kMailboxes);
  CHECK(opened == kMailboxes);
  CHECK(std::ranges::all_of(room.outcomes, [](const LocalOutcome& outcome) { return outcome.state == State::stored; }));
  CHECK(room.store().most <= kMostAtWork);
}

TEST_CASE("content that cannot be opened is deferred, and nothing empty is stored in its place") {
  Room room;
  bool isLost = true;
  const auto file = [&isLost]() -> Result<UniqueFd> {
    if (isLost) return fail(Error::Kind::limit, "Too many open files");
    UniqueFd made(::memfd_create("content", MFD_CLOEXEC));
    REQUIRE(::ftruncate(made.get(), 1U << 20) == 0);
    return made;
  };
  room.deliver(1, large(file));
  room.waitFor(1);
  CHECK(room.outcomes[0].state == State::deferred);
  CHECK(room.outcomes[0].reply.code == 451);
  isLost = false;
  room.deliver(1, large(file));
  room.waitFor(2);
  CHECK(room.outcomes[1].state == State::stored);
}

}  // namespace ostler::deliver
