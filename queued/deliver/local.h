// local.h - LocalDelivery: puts messages into mailboxes, in batches: what waits for one account goes with one append, one sync.
// A parcel's delivery id is the queue id and the mailbox: the store takes each once, so that a repeat after a crash, or a second
// alias that leads to the same mailbox, leaves one copy.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "libmailcore/async/loop.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/login.h"
#include "libmailcore/log/log.h"
#include "libmailcore/store/store.h"

namespace ostler::deliver {

/// One message for one mailbox.
struct Parcel {
  Id128 message;
  std::string mailbox;                         ///< empty: INBOX
  std::string prefix;                          ///< Return-Path, Delivered-To
  std::shared_ptr<const std::string> content;  ///< null: it is in a file
  std::function<Result<UniqueFd>()> file;      ///< opens it when the parcel's turn has come: thousands may wait
  std::uint64_t size = 0;
  std::int64_t internalDate = 0;
  bool urgent = false;  ///< somebody waits for the reply (LMTP): never held back to go with others
};

struct LocalOutcome {
  enum class State { stored, deferred, failed } state = State::deferred;
  ipc::SmtpReply reply;
};

/// So many accounts are written to at once; the others wait, closed, and have no descriptors.
inline constexpr std::size_t kMostAtWork = 256;

/// One loop. Outlives its deliveries; when it goes, those that run end in the store, unheard.
class LocalDelivery {
 public:
  /// `accountsDir`: where the accounts' folders are; made when missing.
  LocalDelivery(Loop& loop, store::Store& store, std::string accountsDir, log::Log log);
  ~LocalDelivery();
  LocalDelivery(const LocalDelivery&) = delete;
  LocalDelivery& operator=(const LocalDelivery&) = delete;

  using Done = std::function<void(LocalOutcome)>;
  void deliver(const ipc::Account& account, Parcel parcel, Done done);
  /// The account's fill and limits. Errors: temporary.
  [[nodiscard]] Task<Result<store::Quota>> quota(ipc::Account account);
  [[nodiscard]] std::size_t waiting() const { return waiting_; }

 private:
  struct Waiting {
    Parcel parcel;
    std::vector<Done> done;  ///< of the same delivery, asked for again while it waits
    void tell(const LocalOutcome& outcome) const {
      for (const Done& one : done) one(outcome);
    }
  };
  struct Slot {
    explicit Slot(Loop& loop) : hurry(loop) {}
    Signal hurry;  ///< an urgent parcel came
    ipc::Account account;
    std::shared_ptr<store::Account> open;
    std::deque<Waiting> waiting;
    bool running = false;  ///< at work, or ready for it
    std::uint64_t lastUse = 0;
  };
  [[nodiscard]] std::shared_ptr<Slot> slotOf(const ipc::Account& account);
  void dropIdleSlots();
  void startReady();
  [[nodiscard]] Task<Result<void>> open(std::shared_ptr<Slot> slot);
  [[nodiscard]] Task<void> run(std::shared_ptr<Slot> slot);
  [[nodiscard]] static std::vector<Waiting> takeBatch(Slot& slot);
  [[nodiscard]] std::vector<store::NewMessage> openBatch(const Slot& slot, std::vector<Waiting>& batch);
  [[nodiscard]] Task<void> appendBatch(std::shared_ptr<Slot> slot, std::vector<Waiting> batch);
  [[nodiscard]] Task<LocalOutcome> outcomeOf(std::shared_ptr<Slot> slot, Error error, std::uint64_t size);

  Loop& loop_;
  store::Store& store_;
  std::string accountsDir_;
  log::Log log_;
  std::unordered_map<Id128, std::shared_ptr<Slot>> slots_;
  std::deque<std::shared_ptr<Slot>> ready_;
  std::size_t atWork_ = 0;
  std::uint64_t uses_ = 0;
  std::size_t waiting_ = 0;
  std::size_t inFlight_ = 0;  ///< handed in, not done
  TaskScope scope_;
};

}  // namespace ostler::deliver
