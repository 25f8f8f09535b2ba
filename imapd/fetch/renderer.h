// renderer.h - FETCH responses: what a FETCH asked for, made of the rows that the store shows. Runs on the store's
// pool. Is not: sending; session_output.cc takes what is rendered here, piece by piece. RFC 9051 7.5.2; RFC 3501 7.4.2.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libmailcore/store/store.h"

#include "imapd/fetch/content.h"
#include "imapd/grammar/fetch_items.h"
#include "imapd/view.h"

namespace ostler::imap {

/// Text for the client, and large runs of content that belong between and are read only when they are sent.
struct Output {
  struct Insert {
    std::size_t at = 0;  ///< in front of this octet of the text
    std::shared_ptr<const store::ContentSource> source;
    message::Range range;
  };
  std::string text;
  std::vector<Insert> inserts;
};

/// One FETCH, made ready to be rendered for many messages. Immutable; any thread.
struct FetchPlan {
  /// What a message whose \Seen this FETCH sets is told of it.
  enum class Seen { leave, set, setAndTell };

  FetchPlan(FetchArguments arguments, Addressing addressing, Seen whenRead, bool modSeq);
  std::vector<FetchItem> items;
  store::Columns columns;
  std::optional<store::ModSeq> changedSince;
  Seen seen = Seen::leave;
};

/// Renders until 256 KiB are there, then stops: the session sends them and goes on behind lastUid().
class FetchVisitor final : public store::Visitor {
 public:
  FetchVisitor(std::shared_ptr<const FetchPlan> plan, std::shared_ptr<const Numbers> numbers)
      : plan_(std::move(plan)), numbers_(std::move(numbers)), cursor_(numbers_) {}

  void begin(const store::MailboxInfo& mailbox) override;
  bool row(const store::MessageRow& row) override;

  [[nodiscard]] const Output& output() const { return output_; }
  [[nodiscard]] bool stopped() const { return stopped_; }  ///< there may be more behind lastUid()
  [[nodiscard]] Uid lastUid() const { return lastUid_; }
  [[nodiscard]] const UidSet& madeSeen() const { return madeSeen_; }  ///< rendered, without \Seen so far
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  [[nodiscard]] std::uint32_t rendered() const { return rendered_; }
  [[nodiscard]] bool unknownEncoding() const { return unknownEncoding_; }

 private:
  void item(const FetchItem& item, const store::MessageRow& row);
  void flags(store::Flags flags);
  void section(const FetchItem& item);
  void binary(const FetchItem& item);
  void binarySize(const FetchItem& item);
  void octets(const FetchItem& item, message::Range range);
  void literal(const FetchItem& item, std::string_view text, std::string_view open);
  void broken(const Error& error);

  std::shared_ptr<const FetchPlan> plan_;
  std::shared_ptr<const Numbers> numbers_;
  Numbers::Cursor cursor_;
  std::vector<std::string> keywords_;
  Content content_;
  std::string flagsText_;  // of flagsBits_: neighbours mostly have the same
  std::optional<store::Flags> flagsBits_;

  Output output_;
  bool stopped_ = false;
  bool unknownEncoding_ = false;
  Uid lastUid_;
  UidSet madeSeen_;
  std::optional<Error> failure_;
  std::uint32_t rendered_ = 0;
};

}  // namespace ostler::imap
