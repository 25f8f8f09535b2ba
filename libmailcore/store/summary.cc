#include "libmailcore/store/summary.h"

#include "libmailcore/store/octets.h"

namespace ostler::store {
namespace {

constexpr std::uint64_t kReplyOrForward = 1;
constexpr std::uint64_t kHasSentDate = 2;

// The texts in the order in which they are packed, before the numbers: first what SEARCH asks for most. One list for both ways.
constexpr std::string_view SummaryView::* kTexts[] = {
    &SummaryView::searchFrom, &SummaryView::searchTo,    &SummaryView::searchCc,  &SummaryView::searchBcc,
    &SummaryView::baseSubject, &SummaryView::sortFrom,   &SummaryView::sortTo,    &SummaryView::sortCc,
    &SummaryView::displayFrom, &SummaryView::displayTo,  &SummaryView::messageId, &SummaryView::references};

}  // namespace

std::string packSummary(const message::Prepared& from) {
  std::string references;
  for (const std::string& one : from.references) {
    if (!references.empty()) references += '\n';
    references += one;
  }
  SummaryView view;
  view.searchFrom = from.searchFrom;
  view.searchTo = from.searchTo;
  view.searchCc = from.searchCc;
  view.searchBcc = from.searchBcc;
  view.baseSubject = from.baseSubject;
  view.sortFrom = from.sortFrom;
  view.sortTo = from.sortTo;
  view.sortCc = from.sortCc;
  view.displayFrom = from.displayFrom;
  view.displayTo = from.displayTo;
  view.messageId = from.messageId;
  view.references = references;

  std::string out;
  for (const auto text : kTexts) putString(out, view.*text);
  putVarint(out, (from.isReplyOrForward ? kReplyOrForward : 0) | (from.hasSentDate ? kHasSentDate : 0));
  putVarint(out, zigzag(from.sentMillis));
  putVarint(out, zigzag(from.sentDay));
  putVarint(out, from.headerLength);
  putVarint(out, from.facts.lines);
  return out;
}

std::optional<SummaryView> unpackSummary(std::string_view packed) {
  OctetReader in(packed);
  SummaryView view;
  for (const auto text : kTexts) view.*text = in.string();
  const std::uint64_t bits = in.varint();
  view.isReplyOrForward = (bits & kReplyOrForward) != 0;
  view.hasSentDate = (bits & kHasSentDate) != 0;
  view.sentMillis = unzigzag(in.varint());
  view.sentDay = static_cast<std::int32_t>(unzigzag(in.varint()));
  view.headerLength = in.varint();
  view.lines = in.varint();
  if (!in.done()) return std::nullopt;
  return view;
}

std::string_view summaryText(std::string_view packed, std::string_view SummaryView::* wanted) {
  OctetReader in(packed);
  for (const auto text : kTexts) {
    const std::string_view octets = in.string();
    if (text == wanted) return octets;
  }
  return {};
}

}  // namespace ostler::store
