#include "imapd/search/evaluator.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/store/summary.h"

#include "imapd/grammar/flags.h"
#include "imapd/grammar/write.h"

namespace ostler::imap {
namespace {

using Kind = SearchKey::Kind;

constexpr std::chrono::milliseconds kStep{8};
constexpr unsigned kRowsPerLook = 256;

// In UTC, as INTERNALDATE is shown.
std::int64_t dayOf(std::int64_t unixSeconds) {
  constexpr std::int64_t kDay = 86'400;
  return unixSeconds >= 0 ? unixSeconds / kDay : (unixSeconds - kDay + 1) / kDay;
}

bool isObject(std::string_view wanted, char kind, const Id128& id) {
  std::string text;
  appendObjectId(text, kind, id);
  return wanted == text;
}

}  // namespace

void SearchVisitor::begin(const store::MailboxInfo& mailbox) {
  keywords_ = mailbox.keywords;
  until_ = std::chrono::steady_clock::now() + kStep;
  sinceLook_ = 0;
  found_ = UidSet();
  highestModSeq_ = 0;
  stopped_ = false;
  failure_.reset();
}

bool SearchVisitor::row(const store::MessageRow& row) {
  lastUid_ = row.uid;
  readContent_ = false;
  if (row.content) content_.open(row.content);
  if (matches(program_->root, row)) {
    found_.add(row.uid);
    highestModSeq_ = std::max(highestModSeq_, row.modSeq);
  }
  stopped_ = failure_.has_value() || timeIsUp();
  return !stopped_;
}

bool SearchVisitor::timeIsUp() {
  if (!readContent_ && ++sinceLook_ < kRowsPerLook) return false;
  sinceLook_ = 0;
  return std::chrono::steady_clock::now() >= until_;
}

bool SearchVisitor::matches(const SearchNode& node, const store::MessageRow& row) {
  const auto ask = [&](const SearchNode& operand) { return matches(operand, row); };
  switch (node.kind) {
    case Kind::all:
      return true;
    case Kind::none:
      return false;
    case Kind::both:
      return std::all_of(node.operands.begin(), node.operands.end(), ask);
    case Kind::either:
      return std::any_of(node.operands.begin(), node.operands.end(), ask);
    case Kind::negation:
      return !ask(node.operands.front());
    case Kind::sequence:
    case Kind::uid:
      return node.uids.contains(row.uid);
    case Kind::header:
    case Kind::body:
    case Kind::text:
      return matchesContent(node, row);
    case Kind::subject:
    case Kind::from:
    case Kind::to:
    case Kind::cc:
    case Kind::bcc:
    case Kind::sentBefore:
    case Kind::sentOn:
    case Kind::sentSince:
      return matchesSummary(node, row);
    case Kind::flagSet:
    case Kind::flagClear:
    case Kind::keyword:
    case Kind::modSeq:
      return matchesFlags(node, row);
    default:
      return matchesDates(node, row);
  }
}

bool SearchVisitor::matchesFlags(const SearchNode& node, const store::MessageRow& row) const {
  switch (node.kind) {
    case Kind::flagSet:
      return (row.flags.bits & node.number) != 0;
    case Kind::flagClear:
      return (row.flags.bits & node.number) == 0;
    case Kind::modSeq:
      return row.modSeq >= node.number;
    default:
      return (row.flags.bits & flagsOf({0, {node.keyword}}, keywords_).bits) != 0;
  }
}

bool SearchVisitor::matchesDates(const SearchNode& node, const store::MessageRow& row) const {
  switch (node.kind) {
    case Kind::larger:
      return row.size > node.number;
    case Kind::smaller:
      return row.size < node.number;
    case Kind::arrivedBefore:
      return dayOf(row.internalDate) < node.day;
    case Kind::arrivedOn:
      return dayOf(row.internalDate) == node.day;
    case Kind::arrivedSince:
      return dayOf(row.internalDate) >= node.day;
    case Kind::savedBefore:
      return dayOf(row.saveDate) < node.day;
    case Kind::savedOn:
      return dayOf(row.saveDate) == node.day;
    case Kind::savedSince:
      return dayOf(row.saveDate) >= node.day;
    case Kind::older:
      return row.internalDate <= node.day;
    case Kind::younger:
      return row.internalDate >= node.day;
    case Kind::emailId:
      return isObject(node.objectId, 'M', row.emailId);
    case Kind::threadId:
      return !row.threadId.isNull() && isObject(node.objectId, 'T', row.threadId);
    default:
      return false;
  }
}

bool SearchVisitor::matchesSummary(const SearchNode& node, const store::MessageRow& row) const {
  using store::SummaryView;
  const auto found = [&](std::string_view SummaryView::* text) {
    return node.finder->foundInFolded(store::summaryText(row.summary, text));
  };
  switch (node.kind) {
    case Kind::subject:
      return found(&SummaryView::searchSubject);
    case Kind::from:
      return found(&SummaryView::searchFrom);
    case Kind::to:
      return found(&SummaryView::searchTo);
    case Kind::cc:
      return found(&SummaryView::searchCc);
    case Kind::bcc:
      return found(&SummaryView::searchBcc);
    default:
      return sentMatches(node, row);
  }
}

bool SearchVisitor::sentMatches(const SearchNode& node, const store::MessageRow& row) {
  const auto summary = store::unpackSummary(row.summary);
  if (!summary) return false;
  switch (node.kind) {
    case Kind::sentBefore:
      return summary->hasSentDate && summary->sentDay < node.day;
    case Kind::sentOn:
      return summary->hasSentDate && summary->sentDay == node.day;
    case Kind::sentSince:
      return summary->hasSentDate && summary->sentDay >= node.day;
    default:
      return false;
  }
}

bool SearchVisitor::matchesContent(const SearchNode& node, const store::MessageRow& row) {
  if (!row.content) return false;
  readContent_ = true;
  const Result<std::string_view> octets = node.kind == Kind::header ? content_.head() : content_.all();
  if (!octets) {
    failure_ = octets.error();
    return false;
  }
  if (node.kind == Kind::header) return message::headerMatches(*octets, node.field, *node.finder);
  return node.matcher->matches(*octets);
}

}  // namespace ostler::imap
