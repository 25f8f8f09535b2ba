// evaluator.h - asks a SEARCH key tree of each message that the store shows. Runs on the store's pool, in steps of some
// milliseconds, so that a search through gigabytes shares the pool with everybody else. RFC 9051 6.4.4; RFC 5032; RFC
// 7162 3.1.5.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libmailcore/base/clock.h"
#include "libmailcore/message/search_text.h"
#include "libmailcore/store/store.h"

#include "imapd/fetch/content.h"
#include "imapd/grammar/search_key.h"
#include "imapd/view.h"

namespace ostler::imap {

/// A key made ready: strings in UTF-8 and searchable, sets as UIDs, cheap questions before expensive ones. Immutable;
/// any thread.
struct SearchNode {
  SearchKey::Kind kind = SearchKey::Kind::all;
  std::vector<SearchNode> operands;
  UidSet uids;
  std::string keyword;
  std::string field;
  std::uint64_t number = 0;
  std::int64_t day = 0;  ///< days since 1970-01-01; a Unix time for older and younger
  std::shared_ptr<const message::CaseFinder> finder;
  std::shared_ptr<const message::TextMatcher> matcher;
  std::string objectId;
  unsigned cost = 0;
};

struct SearchProgram {
  SearchNode root;
  store::Columns columns;
  UidSet among;  ///< no other message can match
};

struct SearchSetting {
  /// What a set means in this session. Sets by number and "$" included.
  std::function<UidSet(const SequenceSet&, Addressing)> uidsOf;
  std::string charset;
  WallTime now;
};

/// Errors: notFound (unknown charset), syntax (a string that is not of the charset).
[[nodiscard]] Result<SearchProgram> compileSearch(const SearchKey& key, const SearchSetting& setting);

class SearchVisitor final : public store::Visitor {
 public:
  explicit SearchVisitor(std::shared_ptr<const SearchProgram> program) : program_(std::move(program)) {}

  void begin(const store::MailboxInfo& mailbox) override;
  bool row(const store::MessageRow& row) override;

  /// Of this visit alone.
  [[nodiscard]] const UidSet& found() const { return found_; }
  [[nodiscard]] store::ModSeq highestModSeq() const { return highestModSeq_; }
  [[nodiscard]] bool stopped() const { return stopped_; }
  [[nodiscard]] Uid lastUid() const { return lastUid_; }
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

 private:
  [[nodiscard]] bool matches(const SearchNode& node, const store::MessageRow& row);
  [[nodiscard]] bool matchesFlags(const SearchNode& node, const store::MessageRow& row) const;
  [[nodiscard]] bool matchesDates(const SearchNode& node, const store::MessageRow& row) const;
  [[nodiscard]] bool matchesSummary(const SearchNode& node, const store::MessageRow& row) const;
  [[nodiscard]] static bool sentMatches(const SearchNode& node, const store::MessageRow& row);
  [[nodiscard]] bool matchesContent(const SearchNode& node, const store::MessageRow& row);
  [[nodiscard]] Result<bool> headerHas(const SearchNode& node);
  [[nodiscard]] Result<bool> textHas(const SearchNode& node);
  [[nodiscard]] bool timeIsUp();

  std::shared_ptr<const SearchProgram> program_;
  std::vector<std::string> keywords_;
  Content content_;
  SteadyTime until_;
  unsigned sinceLook_ = 0;  // rows since the clock was looked at
  bool readContent_ = false;

  UidSet found_;
  store::ModSeq highestModSeq_ = 0;
  bool stopped_ = false;
  Uid lastUid_;
  std::optional<Error> failure_;
};

}  // namespace ostler::imap
