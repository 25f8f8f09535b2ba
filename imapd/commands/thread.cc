// THREAD and UID THREAD. RFC 5256 3. What matches is found as SEARCH finds it; the algorithms are in search/thread.h.
#include <algorithm>

#include "libmailcore/store/summary.h"

#include "imapd/grammar/sort_criteria.h"
#include "imapd/search/sorter.h"
#include "imapd/search/thread.h"
#include "imapd/session.h"

namespace ostler::imap {
namespace {

class ThreadVisitor final : public store::Visitor {
 public:
  ThreadVisitor(std::shared_ptr<const Numbers> numbers, Addressing addressing)
      : numbers_(std::move(numbers)), addressing_(addressing) {}
  void begin(const store::MailboxInfo&) override { messages.clear(); }
  bool row(const store::MessageRow& row) override {
    const auto number = numbers_->number(row.uid);
    const auto summary = store::unpackSummary(row.summary);
    if (!number || !summary) return true;
    ThreadMessage& message = messages.emplace_back();
    message.name = addressing_ == Addressing::uid ? row.uid.value : number->value;
    message.sentMillis = sentMillisOf(row);
    message.baseSubject = summary->baseSubject;
    message.isReplyOrForward = summary->isReplyOrForward;
    message.messageId = summary->messageId;
    std::string_view rest = summary->references;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      message.references.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return true;
  }
  std::vector<ThreadMessage> messages;

 private:
  std::shared_ptr<const Numbers> numbers_;
  Addressing addressing_;
};

}  // namespace

Task<Reply> Session::thread(Invocation call) {
  call.in.space();
  const ThreadArguments arguments = readThreadArguments(call.in);
  if (call.in.failed()) co_return badSyntax(call.in);
  const Result<Matches> found = co_await findAll(arguments.search);
  if (!found) co_return searchFailed(found.error());

  const auto visitor = std::make_shared<ThreadVisitor>(view().numbers, call.addressing);
  store::Columns columns;
  columns.dates = true;
  columns.summary = true;
  const Result<void> visited = co_await account_->visit(view().mailbox.id, found->uids, columns, visitor);
  if (!visited) co_return answerTo(visited.error());
  const auto job = [visitor, algorithm = arguments.algorithm]() -> Result<std::string> {
    return algorithm == ThreadAlgorithm::references ? threadByReferences(visitor->messages)
                                                    : threadBySubject(visitor->messages);
  };
  const Result<std::string> lists = co_await worker_.reading.run(worker_.loop, job);
  if (!lists) co_return answerTo(lists.error());
  // thread-data = "THREAD" [SP 1*thread-list]
  write(lists->empty() ? std::string("* THREAD\r\n") : "* THREAD " + *lists + "\r\n");
  co_return Reply::ok("Thread completed");
}

}  // namespace ostler::imap
