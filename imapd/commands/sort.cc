// SORT and UID SORT. RFC 5256 3; RFC 5957 (DISPLAYFROM, DISPLAYTO).
// What matches is found as SEARCH finds it; then each gets one key, and the keys are sorted, on the store's and the
// readers' threads.
#include "imapd/grammar/sort_criteria.h"
#include "imapd/grammar/write.h"
#include "imapd/search/sorter.h"
#include "imapd/session.h"

namespace ostler::imap {

Task<Reply> Session::sort(Invocation call) {
  call.in.space();
  SortArguments arguments = readSortArguments(call.in);
  if (call.in.failed()) co_return badSyntax(call.in);
  const Result<Matches> found = co_await findAll(arguments.search);
  if (!found) co_return searchFailed(found.error());

  const auto visitor = std::make_shared<SortVisitor>(std::move(arguments.criteria));
  store::Columns columns;
  columns.dates = true;
  columns.summary = true;
  const Result<void> visited = co_await account_->visit(view().mailbox.id, found->uids, columns, visitor);
  if (!visited) co_return answerTo(visited.error());
  const auto job = [visitor]() -> Result<void> {
    sortByKey(visitor->rows());
    return {};
  };
  const Result<void> sorted = co_await worker_.reading.run(worker_.loop, job);
  if (!sorted) co_return answerTo(sorted.error());

  // sort-data = "SORT" [1*(SP nz-number) [SP search-sort-mod-seq]]: RFC 7162 7.
  std::string out = "* SORT";
  for (const Sortable& one : visitor->rows()) {
    const auto number = view().numbers->number(one.uid);
    if (!number) continue;  // it came after the client was last told
    out += ' ';
    appendNumber(out, call.addressing == Addressing::uid ? one.uid.value : number->value);
  }
  if (arguments.search.usesModSeq && !visitor->rows().empty()) {
    out += " (MODSEQ ";
    appendNumber(out, found->highestModSeq);
    out += ')';
  }
  write(out + "\r\n");
  co_return Reply::ok("Sort completed");
}

}  // namespace ostler::imap
