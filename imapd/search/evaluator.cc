#include "imapd/search/evaluator.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/store/summary.h"

#include "imapd/grammar/flags.h"
#include "imapd/grammar/write.h"

namespace ostler::imap {
namespace {

using KeyKind = SearchKey::Kind;

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
    case KeyKind::all:
      return true;
    case KeyKind::none:
      return false;
    case KeyKind::both:
      return std::all_of(node.operands.begin(), node.operands.end(), ask);
    case KeyKind::either:
      return std::any_of(node.operands.begin(), node.operands.end(), ask);
    case KeyKind::negation:
      return !ask(node.operands.front());
    case KeyKind::sequence:
    case KeyKind::uid:
      return node.uids.contains(row.uid);
    case KeyKind::header:
    case KeyKind::body:
    case KeyKind::text:
      return matchesContent(node, row);
    case KeyKind::subject:
    case KeyKind::from:
    case KeyKind::to:
    case KeyKind::cc:
    case KeyKind::bcc:
    case KeyKind::sentBefore:
    case KeyKind::sentOn:
    case KeyKind::sentSince:
      return matchesSummary(node, row);
    case KeyKind::flagSet:
    case KeyKind::flagClear:
    case KeyKind::keyword:
    case KeyKind::modSeq:
      return matchesFlags(node, row);
    default:
      return matchesDates(node, row);
  }
}

bool SearchVisitor::matchesFlags(const SearchNode& node, const store::MessageRow& row) const {
  switch (node.kind) {
    case KeyKind::flagSet:
      return (row.flags.bits & node.number) != 0;
    case KeyKind::flagClear:
      return (row.flags.bits & node.number) == 0;
    case KeyKind::modSeq:
      return row.modSeq >= node.number;
    default:
      return (row.flags.bits & flagsOf({0, {node.keyword}}, keywords_).bits) != 0;
  }
}

bool SearchVisitor::matchesDates(const SearchNode& node, const store::MessageRow& row) const {
  switch (node.kind) {
    case KeyKind::larger:
      return row.size > node.number;
    case KeyKind::smaller:
      return row.size < node.number;
    case KeyKind::arrivedBefore:
      return dayOf(row.internalDate) < node.day;
    case KeyKind::arrivedOn:
      return dayOf(row.internalDate) == node.day;
    case KeyKind::arrivedSince:
      return dayOf(row.internalDate) >= node.day;
    case KeyKind::savedBefore:
      return dayOf(row.saveDate) < node.day;
    case KeyKind::savedOn:
      return dayOf(row.saveDate) == node.day;
    case KeyKind::savedSince:
      return dayOf(row.saveDate) >= node.day;
    case KeyKind::older:
      return row.internalDate <= node.day;
    case KeyKind::younger:
      return row.internalDate >= node.day;
    case KeyKind::emailId:
      return isObject(node.objectId, 'M', row.emailId);
    case KeyKind::threadId:
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
    case KeyKind::subject:
      return node.finder->foundInFolded(row.subject);
    case KeyKind::from:
      return found(&SummaryView::searchFrom);
    case KeyKind::to:
      return found(&SummaryView::searchTo);
    case KeyKind::cc:
      return found(&SummaryView::searchCc);
    case KeyKind::bcc:
      return found(&SummaryView::searchBcc);
    default:
      return sentMatches(node, row);
  }
}

bool SearchVisitor::sentMatches(const SearchNode& node, const store::MessageRow& row) {
  const auto summary = store::unpackSummary(row.summary);
  if (!summary) return false;
  switch (node.kind) {
    case KeyKind::sentBefore:
      return summary->hasSentDate && summary->sentDay < node.day;
    case KeyKind::sentOn:
      return summary->hasSentDate && summary->sentDay == node.day;
    case KeyKind::sentSince:
      return summary->hasSentDate && summary->sentDay >= node.day;
    default:
      return false;
  }
}

bool SearchVisitor::matchesContent(const SearchNode& node, const store::MessageRow& row) {
  if (!row.content) return false;
  readContent_ = true;
  const Result<bool> found = node.kind == KeyKind::header ? headerHas(node) : textHas(node);
  if (!found) failure_ = found.error();
  return found.value_or(false);
}

Result<bool> SearchVisitor::headerHas(const SearchNode& node) {
  const Result<std::string_view> head = content_.head();
  if (!head) return fail(head.error());
  return message::headerMatches(*head, node.field, *node.finder);
}

Result<bool> SearchVisitor::textHas(const SearchNode& node) {
  return content_.through([&](message::Window& octets) { return node.matcher->matches(octets); });
}

}  // namespace ostler::imap
