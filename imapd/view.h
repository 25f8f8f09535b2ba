// view.h - the selected mailbox as its client knows it: how many messages, which number belongs to which UID.
// Is not: what is in the store now; updates.h brings the two together. No I/O.
// RFC 9051 2.3.1.2 (numbers), 7.5.1 (EXPUNGE); RFC 7162 3.2 (VANISHED).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "libmailcore/store/store.h"

#include "imapd/grammar/sequence_set.h"

namespace ostler::imap {

using store::Uid;
using store::UidSet;

/// Which UID has which number: a list that sessions share, and this session's small difference to it. Immutable; any
/// thread.
class Numbers {
 public:
  using List = std::shared_ptr<const std::vector<std::uint32_t>>;

  Numbers() = default;
  /// The first `count` of the list.
  Numbers(List base, std::size_t count) : base_(std::move(base)), baseCount_(count) {}

  [[nodiscard]] std::uint32_t count() const {
    return static_cast<std::uint32_t>(baseCount_ - removed_.size() + added_.size());
  }
  /// REQUIRES: 1 <= number <= count().
  [[nodiscard]] Uid uid(SequenceNumber number) const;
  /// Nothing when the client does not know that message.
  [[nodiscard]] std::optional<SequenceNumber> number(Uid uid) const;
  [[nodiscard]] Uid largest() const { return count() == 0 ? Uid{} : uid({count()}); }
  /// REQUIRES: ranges of 1..count(), sorted.
  [[nodiscard]] UidSet uids(const std::vector<SequenceSet::Range>& numbers) const;
  /// Those of the set that the client knows.
  [[nodiscard]] std::vector<Uid> known(const UidSet& uids) const;

  /// With new messages at the end, all above the ones there.
  [[nodiscard]] Numbers with(const std::vector<std::uint32_t>& added) const;
  /// Without these. REQUIRES: known, sorted.
  [[nodiscard]] Numbers without(const std::vector<Uid>& removed) const;

  /// Numbers of UIDs asked for in ascending order: constant time each when they are dense.
  class Cursor {
   public:
    explicit Cursor(std::shared_ptr<const Numbers> numbers) : numbers_(std::move(numbers)) {}
    [[nodiscard]] std::optional<SequenceNumber> number(Uid uid);

   private:
    std::shared_ptr<const Numbers> numbers_;
    std::size_t base_ = 0;     // base list below here is < the last UID asked for
    std::size_t removed_ = 0;  // likewise
  };

 private:
  [[nodiscard]] const std::uint32_t* baseBegin() const { return base_ ? base_->data() : nullptr; }
  [[nodiscard]] const std::uint32_t* baseEnd() const { return baseBegin() + baseCount_; }
  [[nodiscard]] Numbers flattened() const;
  List base_;
  std::size_t baseCount_ = 0;
  std::vector<std::uint32_t> removed_;  // sorted, all in base
  std::vector<std::uint32_t> added_;    // sorted, all above base
};

enum class Access { readWrite, readOnly };

/// The selected mailbox.
struct View {
  store::MailboxInfo
      mailbox;  ///< as of `modSeq`; of its counters only `exists` and `uidNext` below are what the client was told
  Access access = Access::readWrite;
  store::ModSeq modSeq = 0;   ///< every change up to here has been told, but for `vanished`
  std::uint32_t uidNext = 1;  ///< messages from here on the client does not know
  std::uint32_t exists = 0;
  UidSet vanished;  ///< gone, not yet told: numbers must not change in the middle of a command
  /// Own changes after `modSeq` that the client knows already.
  std::vector<store::ModSeq> own;
  std::shared_ptr<const Numbers> numbers;  ///< null until a command needs it: SELECT does not read the UIDs

  /// Remembers a change made by this session. Where nothing of anybody else's can lie between, it counts as told at
  /// once.
  void changedByUs(store::ModSeq at);
  [[nodiscard]] bool isOurs(store::ModSeq at) const;
  /// Forgets the numbers, to be loaded again when needed; keeps them while something gone has not been told.
  void release();
};

/// The numbers at a view's state, made of the UIDs at a later state and what changed in between. Nothing when that
/// cannot be known (the history does not go back that far). REQUIRES: `uids` and `changes` are of the same state,
/// `changes` since view.modSeq.
[[nodiscard]] std::optional<Numbers> numbersAt(const View& view, const Numbers::List& uids,
                                               const store::Changes& changes);

}  // namespace ostler::imap
