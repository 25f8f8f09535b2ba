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

constexpr std::uint64_t kMaxInMemory = 1U << 20;           // of one command
constexpr std::uint64_t kMaxInMemoryOfWorker = 64U << 20;  // of all commands of a worker
constexpr std::size_t kMaxMessages = 200;
constexpr std::uint64_t kMaxTogether = 512ULL << 20;
constexpr std::uint64_t kPiece = 256U << 10;
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

/// The messages of one APPEND on their way in.
struct Session::Incoming {
  explicit Incoming(std::uint64_t& budget) : ofWorker(budget) {}
  ~Incoming() { ofWorker -= inMemory; }
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;

  void refuse(Reply reply) {
    if (!refused) refused = std::move(reply);
  }
  [[nodiscard]] bool takeMemory(std::uint64_t octets) {
    if (octets > kMaxInMemory - inMemory || ofWorker + octets > kMaxInMemoryOfWorker) return false;
    inMemory += octets;
    ofWorker += octets;
    return true;
  }

  std::vector<store::NewMessage> messages;
  std::optional<Reply> refused;  ///< why nothing of it will be stored; the rest is read all the same
  std::uint64_t together = 0;
  std::uint64_t inMemory = 0;
  std::uint64_t& ofWorker;
};

// Into a file without a name, piece by piece, on the pool: a worker thread opens nothing. Errors: those of reading;
// limit (no room).
Task<Result<void>> Session::receiveIntoFile(store::NewMessage& into, std::uint64_t size) {
  struct Job {
    UniqueFd folder;
    UniqueFd file;
    std::string octets;
    Result<void> write() {
      if (!file) file.reset(::openat(folder.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0660));
      Result<void> wrote = file ? writeAll(file.get(), octets) : fail(Error::Kind::limit, "no temporary file");
      octets.clear();
      return wrote;
    }
  };
  const auto job = std::make_shared<Job>();
  job->folder.reset(::fcntl(folder_.get(), F_DUPFD_CLOEXEC, 3));
  Result<void> outcome;
  for (std::uint64_t left = size; left > 0;) {
    const std::uint64_t step = std::min(left, kPiece);
    job->octets.clear();
    const Result<void> read = co_await readOctets(job->octets, step);
    if (!read) co_return read;
    left -= step;
    if (!outcome) continue;  // nowhere to put it, but the literal has to be read to its end
    const auto write = [job] { return job->write(); };
    outcome = co_await worker_.reading.run(worker_.loop, write);
  }
  if (!outcome) co_return fail(Error::Kind::limit, outcome.error().detail);
  into.file = std::move(job->file);
  into.fileLength = size;
  co_return outcome;
}

// The literal at hand becomes a message, or is read past. Errors: those of reading: the client is gone.
Task<Result<void>> Session::receiveMessage(Incoming& incoming, store::NewMessage message) {
  const std::uint64_t size = literal_->size;
  if (literal_->synchronizing) write("+ Ready for the message\r\n");
  if (incoming.refused) {
    const Result<void> skipped = co_await skipOctets(size);
    co_return skipped;
  }
  Result<void> received;
  if (incoming.takeMemory(size)) {
    received = co_await readOctets(message.content, size);
  } else {
    received = co_await receiveIntoFile(message, size);
  }
  if (!received && received.error().kind != Error::Kind::limit) co_return received;
  if (!received) incoming.refuse(Reply::no("OVERQUOTA", "No room for the message"));
  if (size == 0) incoming.refuse(Reply::no("CANNOT", "An empty message"));  // cancelled: RFC 3502 6.3.11
  incoming.messages.push_back(std::move(message));
  co_return Result<void>();
}

// What follows a message: nothing, or the options of the next one, whose literal is then at hand.
std::optional<std::string> Session::nextOptions(std::string_view line, std::string_view closing, Incoming& incoming) {
  if (!line.starts_with(closing)) incoming.refuse(Reply::bad("')' expected"));
  if (line.starts_with(closing)) line.remove_prefix(closing.size());
  const auto mark = literalAtEnd(line);
  if (mark && *mark && line.starts_with(' ')) {
    literal_ = **mark;
    return std::string(line.substr(1, line.size() - literal_->length - 1));
  }
  if (!line.empty()) incoming.refuse(Reply::bad("Too much behind the message"));
  return std::nullopt;
}

// Reads messages up to the end of the command. Errors: the client is gone.
Task<Result<void>> Session::receiveAll(Incoming& incoming, std::string firstOptions, store::MailboxId mailbox) {
  for (std::optional<std::string> text = std::move(firstOptions); text;) {
    Reader in(*text);
    Options options = readOptions(in);
    incoming.together += literal_->size;
    if (in.failed()) incoming.refuse(badSyntax(in));
    if (literal_->size > appendLimit() || incoming.together > kMaxTogether) {
      incoming.refuse(Reply::no("TOOBIG", "Message is too large"));
    }
    if (incoming.messages.size() >= kMaxMessages) incoming.refuse(Reply::no("LIMIT", "Too many messages at once"));
    // The client waits to be asked for it, and now never will be.
    if (incoming.refused && literal_->synchronizing) co_return Result<void>();
    store::NewMessage message;
    message.emailId = Id128::make(worker_.clock.now());
    message.mailbox = mailbox;
    message.flags = std::move(options.flags);
    message.internalDate = options.internalDate.value_or(toUnixMillis(worker_.clock.now()) / 1000);
    const Result<void> received = co_await receiveMessage(incoming, std::move(message));
    if (!received) co_return received;
    acknowledgeNow();
    const Result<std::string> line = co_await readLineText(kMaxOptionLine);
    if (!line) co_return fail(line.error());
    text = nextOptions(*line, options.utf8 ? ")" : "", incoming);
  }
  co_return Result<void>();
}

Task<Reply> Session::append(Invocation call) {
  Reader& in = call.in;
  in.space();
  const Result<std::string> name = readMailbox(in);
  if (!in.failed()) in.space();
  if (!literal_ && !in.failed()) in.fail("Message is missing");
  if (in.failed() && !literal_) co_return badSyntax(in);

  Incoming incoming(worker_.appendOctets);
  const Result<store::MailboxInfo> mailbox = co_await account_->mailbox(name.value_or(std::string()));
  if (in.failed()) {
    incoming.refuse(badSyntax(in));
  } else if (!name) {
    incoming.refuse(answerTo(name.error()));
  } else if (!mailbox) {
    const bool missing = mailbox.error().kind == Error::Kind::notFound;
    incoming.refuse(missing ? Reply::no("TRYCREATE", "No such mailbox") : answerTo(mailbox.error()));
  }
  const Result<void> received =
      co_await receiveAll(incoming, std::string(in.rest()), mailbox ? mailbox->id : store::MailboxId());
  literal_.reset();
  if (!received) co_return lost(received.error());
  if (incoming.refused) co_return *incoming.refused;
  const Result<std::vector<store::Appended>> appended = co_await account_->append(std::move(incoming.messages));
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
