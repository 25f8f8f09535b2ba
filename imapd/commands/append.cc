// APPEND mailbox *([flags] [date-time] literal): one message or several, all or none.
// RFC 9051 6.3.12; RFC 3502 (MULTIAPPEND); RFC 4315 3 (APPENDUID); RFC 7889 (APPENDLIMIT); RFC 6855 4 (UTF8).
// A message streams in: up to 1 MiB in memory, more into a file without a name in the account's folder.
#include <fcntl.h>

#include "libmailcore/message/date_time.h"

#include "imapd/grammar/flags.h"
#include "imapd/grammar/write.h"
#include "imapd/session.h"

namespace ostler::imap {
namespace {

constexpr std::size_t kMaxInMemory = 1U << 20;
constexpr std::size_t kMaxMessages = 1'000;
constexpr std::uint64_t kMaxTogether = 512ULL << 20;
constexpr std::size_t kMaxOptionLine = 8U << 10;

/// What stands in front of one message.
struct Options {
  store::FlagNames flags;
  std::optional<std::int64_t> internalDate;
  bool utf8 = false;  ///< `UTF8 (` came, `)` must follow the message
};

// append-opts = [SP flag-list] [SP date-time] SP, the last space in front of the literal's mark.
Options readOptions(Reader& in) {
  Options options;
  if (in.peek() == '(') {
    options.flags = readFlagList(in);
    in.space();
  }
  if (in.peek() == '"') {
    const auto date = message::parseInternalDate(in.string());
    if (!date) in.fail("Date is broken");
    if (date) options.internalDate = toUnixMillis(date->time) / 1000;
    in.space();
  }
  if (in.acceptPrefix("UTF8 (")) options.utf8 = true;
  in.end();
  return options;
}

Result<void> writeAll(int fd, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t wrote = ::write(fd, octets.data(), octets.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return fail(Error::Kind::limit, "temporary file: write failed");
    octets.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

std::string appendUid(const std::vector<store::Appended>& appended) {
  std::string code = "APPENDUID ";
  appendNumber(code, appended.front().uidValidity);
  code += ' ';
  UidSet uids;
  for (const store::Appended& one : appended) uids.add(one.uid);
  return code + uids.text();
}

}  // namespace

// The octets of the literal at hand become the message's content. Errors: those of reading; limit (disk full).
Task<Result<void>> Session::receiveMessage(store::NewMessage& into, std::uint64_t size) {
  struct Job {
    UniqueFd file;
    std::string octets;
  };
  std::shared_ptr<Job> job;
  if (size > kMaxInMemory) {
    job = std::make_shared<Job>();
    // On the pool: a worker thread may open nothing.
    const int folder = folder_.get();
    const auto open = [job, folder] {
      job->file.reset(::openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
      return Result<void>();
    };
    const Result<void> opened = co_await worker_.reading.run(worker_.loop, open);
    if (!opened) co_return opened;
  }
  for (std::uint64_t left = size; left > 0;) {
    const std::uint64_t step = std::min<std::uint64_t>(left, job ? 256U << 10 : kMaxInMemory);
    const Result<void> read = co_await readOctets(job ? job->octets : into.content, step);
    if (!read) co_return read;
    left -= step;
    if (!job || !job->file) {
      if (job) job->octets.clear();  // no file to write to: the literal is read to its end all the same
      continue;
    }
    const auto flush = [job] {
      const Result<void> wrote = writeAll(job->file.get(), job->octets);
      job->octets.clear();
      return wrote;
    };
    const Result<void> wrote = co_await worker_.reading.run(worker_.loop, flush);
    if (!wrote) {
      job->file.reset();
      job->octets.clear();
    }
  }
  if (!job) co_return Result<void>();
  if (!job->file) co_return fail(Error::Kind::limit, "APPEND: no temporary file");
  into.file = std::move(job->file);
  into.fileLength = size;
  co_return Result<void>();
}

Task<Reply> Session::append(Invocation call) {
  Reader& in = call.in;
  in.space();
  const Result<std::string> name = readMailbox(in);
  if (!in.failed()) in.space();
  if (!literal_ && !in.failed()) in.fail("Message is missing");
  if (in.failed() && !literal_) co_return badSyntax(in);

  std::vector<store::NewMessage> messages;
  std::optional<Reply> refused;
  std::uint64_t together = 0;
  std::string optionsText(in.rest());
  const Result<store::MailboxInfo> mailbox = co_await account_->mailbox(name.value_or(std::string()));
  if (in.failed()) {
    refused = badSyntax(in);
  } else if (!name) {
    refused = answerTo(name.error());
  } else if (!mailbox) {
    refused = mailbox.error().kind == Error::Kind::notFound ? Reply::no("TRYCREATE", "No such mailbox")
                                                            : answerTo(mailbox.error());
  }
  for (;;) {
    Reader optionsIn(optionsText);
    const Options options = readOptions(optionsIn);
    together += literal_->size;
    if (!refused && optionsIn.failed()) refused = badSyntax(optionsIn);
    if (!refused && (literal_->size > appendLimit() || together > kMaxTogether))
      refused = Reply::no("TOOBIG", "Message is too large");
    if (!refused && messages.size() >= kMaxMessages) refused = Reply::no("LIMIT", "Too many messages at once");
    if (refused && literal_->synchronizing) co_return *refused;  // the client has not sent it yet, and now never will
    if (literal_->synchronizing) write("+ Ready for the message\r\n");
    if (refused) {
      const Result<void> skipped = co_await skipOctets(literal_->size);
      if (!skipped) co_return lost(skipped.error());
    } else {
      store::NewMessage message;
      message.emailId = Id128::make(worker_.clock.now());
      message.mailbox = mailbox->id;
      message.flags = options.flags;
      message.internalDate = options.internalDate.value_or(toUnixMillis(worker_.clock.now()) / 1000);
      const Result<void> received = co_await receiveMessage(message, literal_->size);
      if (!received && received.error().kind != Error::Kind::limit) co_return lost(received.error());
      if (!received) refused = Reply::no("OVERQUOTA", "No room for the message");
      if (literal_->size == 0 && !refused)
        refused = Reply::no("CANNOT", "An empty message");  // RFC 3502 6.3.11: cancelled
      messages.push_back(std::move(message));
    }
    acknowledgeNow();
    const Result<std::string> line = co_await readLineText(kMaxOptionLine);
    if (!line) co_return lost(line.error());
    std::string_view rest = *line;
    if (options.utf8) {
      if (!rest.starts_with(')') && !refused) refused = Reply::bad("')' expected");
      if (rest.starts_with(')')) rest.remove_prefix(1);
    }
    const auto mark = literalAtEnd(rest);
    if (mark && *mark && rest.starts_with(' ')) {
      literal_ = **mark;
      optionsText = rest.substr(1, rest.size() - literal_->length - 1);
      continue;
    }
    if (!rest.empty() && !refused) refused = Reply::bad("Too much behind the message");
    break;
  }
  literal_.reset();
  if (refused) co_return *refused;
  const Result<std::vector<store::Appended>> appended = co_await account_->append(std::move(messages));
  if (!appended && appended.error().kind == Error::Kind::notFound) co_return Reply::no("TRYCREATE", "No such mailbox");
  if (!appended) co_return answerTo(appended.error());
  if (selected_ && view().mailbox.id == mailbox->id) selected_->changed = true;
  co_return Reply::okWith(appendUid(*appended), "Appended");
}

// The client went away in the middle of a command.
Reply Session::lost(const Error& error) {
  endFor(error);
  ended_ = true;
  return Reply::no("UNAVAILABLE", "Interrupted");
}

}  // namespace ostler::imap
