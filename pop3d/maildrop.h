// maildrop.h - the maildrop of one session: the messages of INBOX as they were at login, numbered from 1. RFC 1939
// 4, 5.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/async/loop.h"
#include "libmailcore/store/store.h"

namespace ostler::pop3 {

/// Numbers are of POP3: 1 to count(). One loop. Holds the account's maildrop lock.
class Maildrop {
 public:
  struct Message {
    store::Uid uid;
    bool deleted = false;  ///< marked by DELE
    bool needsDotStuffing = true;
    std::uint64_t size = 0;
  };

  /// Takes the lock and reads numbers and sizes, in one walk over the columns. Errors: exists (another session has it),
  /// and the store's.
  [[nodiscard]] static Task<Result<std::unique_ptr<Maildrop>>> open(Loop& loop,
                                                                    std::shared_ptr<store::Account> account);

  [[nodiscard]] std::size_t count() const { return messages_.size(); }
  /// REQUIRES: 1 <= number <= count().
  [[nodiscard]] const Message& message(std::size_t number) const { return messages_[number - 1]; }
  /// Messages and octets without the marked ones.
  [[nodiscard]] std::uint64_t remaining() const { return remaining_; }
  [[nodiscard]] std::uint64_t remainingOctets() const { return remainingOctets_; }

  /// DELE. REQUIRES: not marked yet.
  void mark(std::size_t number);
  /// RSET.
  void unmarkAll();
  /// UPDATE: removes what is marked, all or nothing, and gives the maildrop back. Returns how many went.
  [[nodiscard]] Task<Result<std::uint64_t>> update();

  /// The content of a message; fetches those of the next ones along, so that a client that reads on does not wait for
  /// each. Errors: notFound when another session (IMAP) has removed it, and the store's.
  [[nodiscard]] Task<Result<std::shared_ptr<const store::ContentSource>>> content(std::size_t number);

  /// Reads all unique ids; once.
  [[nodiscard]] Task<Result<void>> loadUniqueIds();
  /// Empty for a message that is gone. REQUIRES: loadUniqueIds() worked.
  [[nodiscard]] std::string_view uniqueId(std::size_t number) const;

 private:
  struct Fetched {
    store::Uid uid;
    std::shared_ptr<const store::ContentSource> source;
  };
  using Window = std::vector<Fetched>;  // ascending

  Maildrop(Loop& loop, std::shared_ptr<store::Account> account)
      : account_(std::move(account)), ahead_(loop), arrived_(loop) {}
  [[nodiscard]] store::UidSet allUids() const;
  [[nodiscard]] static const Fetched* find(const Window& window, store::Uid uid);
  [[nodiscard]] Task<Result<Window>> fetch(std::size_t from);
  [[nodiscard]] static Task<void> fetchAhead(Maildrop& drop, std::size_t from);
  void lookAhead(std::size_t number);

  std::shared_ptr<store::Account> account_;
  std::unique_ptr<store::MaildropLock> lock_;
  store::MailboxId inbox_;
  std::vector<Message> messages_;
  std::uint64_t remaining_ = 0;
  std::uint64_t remainingOctets_ = 0;
  std::string uniqueIds_;                    // one behind the other
  std::vector<std::uint32_t> uniqueIdEnds_;  // by number; empty: not loaded
  Window fetched_;
  Window next_;            // what follows fetched_, when it was looked up already
  bool fetching_ = false;  // next_ is on its way
  TaskScope ahead_;
  Signal arrived_;
};

}  // namespace ostler::pop3
