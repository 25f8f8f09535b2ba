#include "imapd/session.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"

#include "imapd/commands.h"

namespace ostler::imap {
namespace {

constexpr unsigned kMaxErrors = 20;
constexpr std::chrono::seconds kLoginWait{60};     // between two lines
constexpr std::chrono::seconds kLoginWithin{180};  // in all
constexpr std::uint64_t kDefaultAppendLimit = 128ULL << 20;

}  // namespace

Session::Session(Worker& worker, Accepted accepted)
    : worker_(worker),
      connection_(worker.loop, std::move(accepted.stream)),
      config_(std::move(accepted.config)),
      startTls_(std::move(accepted.startTls)),
      peer_(std::move(accepted.peer)),
      local_(std::move(accepted.local)),
      sessionId_(Id128::make(worker.clock.now())),
      loginDeadline_(Deadline::after(kLoginWithin)) {}

Session::~Session() = default;

Task<void> Session::run() {
  greet();
  co_await serve();
  leaveMailbox();
  const Result<void> flushed = co_await connection_.flush(Deadline::after(std::chrono::seconds(10)));
  if (!flushed && endReason_ == "logout") endReason_ = "closed";
  connection_.shutdown();
  logEnd();
}

void Session::endSoon(const Ending& ending) {
  if (ending_ == nullptr) ending_ = &ending;
  connection_.interruptRead();
}

void Session::greet() {
  write("* OK [CAPABILITY " + capabilities() + "] " + config_->hostName + " IMAP ready\r\n");
}

Task<void> Session::serve() {
  while (!ended_) {
    if (ending_ != nullptr) {
      bye("[" + std::string(ending_->code) + "] " + ending_->words);
      endReason_ = ending_->reason;
      co_return;
    }
    const Result<void> got = co_await readCommand();
    if (got) {
      co_await execute();
    } else {
      endFor(got.error());
    }
  }
}

unsigned Session::state() const {
  if (!account_) return kNotAuthenticated;
  return selected_ ? kSelected : kAuthenticated;
}

Deadline Session::inputDeadline() const {
  if (account_) return config_->imap.idle.count() == 0 ? Deadline::never() : Deadline::after(config_->imap.idle);
  return Deadline::after(kLoginWait).orSooner(loginDeadline_);
}

// Reading a command ended without one.
void Session::endFor(const Error& error) {
  switch (error.kind) {
    case Error::Kind::interrupted:
      return;  // serve() sees why
    case Error::Kind::limit:
      write("* BAD Command line is too long\r\n");
      if (++errors_ < kMaxErrors) return;
      bye("Too many errors");
      endReason_ = "errors";
      return;
    case Error::Kind::timeout:
      bye("Autologout; idle for too long");  // RFC 9051 5.4
      endReason_ = "idle";
      return;
    default:
      ended_ = true;
      endReason_ = "closed";
  }
}

void Session::bye(std::string_view text) {
  write("* BYE ");
  write(text);
  write("\r\n");
  ended_ = true;
}

Reply Session::answerTo(const Error& error) const {
  const bool ours = error.kind == Error::Kind::temporary || error.kind == Error::Kind::permanent ||
                    error.kind == Error::Kind::timeout || error.kind == Error::Kind::outcomeUnknown;
  if (ours) {
    worker_.log.warn("failed", {{"session", sessionId_.text()}, {"user", identity_.address}, {"detail", error.detail}});
  }
  return statusFor(error);
}

// tag SP command: the row of the table, or the refusal.
const Command* Session::dispatch(Reader& in, std::string& tag, std::optional<Reply>& refused) {
  tag = in.tag();
  in.space();
  std::string verb = in.word();
  if (verb == "UID") {
    in.space();
    verb += ' ' + in.word();
  }
  if (in.failed()) {
    if (tag.empty()) tag = "*";
    refused = badSyntax(in);
    return nullptr;
  }
  const Command* const command = findCommand(verb);
  if (command == nullptr) {
    refused = Reply::bad("Unknown command");
  } else if ((command->legal & state()) == 0) {
    refused = Reply::bad("Not now: this command is not legal in this state");
  } else if (command->needs == Needs::clearText && (secure() || !startTls_)) {
    refused = secure() ? Reply::bad("TLS is active already") : Reply::no("CANNOT", "TLS is not offered here");
  } else if (command->needs == Needs::password && !passwordsAllowed()) {
    refused = refusedInClearText();
  } else if (command->needs == Needs::writable && view().access == Access::readOnly) {
    refused = Reply::no("READ-ONLY", "The mailbox is selected read-only");
  }
  return refused ? nullptr : command;
}

Task<void> Session::execute() {
  Reader in(command_);
  std::optional<Reply> reply;
  const Command* const command = dispatch(in, tag_, reply);
  if (command != nullptr) {
    reply = co_await (this->*command->handler)(Invocation{command->addressing, in});
  }
  if (std::exchange(answered_, false)) co_return;
  if (command != nullptr && selected_ && reply->kind != Reply::Kind::bad) {
    const bool numbersMayChange = command->numbers == SequenceNumbers::unaffected;
    if (selected_->changed || (numbersMayChange && !view().vanished.empty())) {
      const Result<void> told = co_await synchronize(numbersMayChange ? Expunges::now : Expunges::later);
      if (!told) bye("The selected mailbox is gone");
    }
  }
  std::string line;
  appendReply(line, tag_, *reply);
  write(line);
  if (reply->kind != Reply::Kind::bad) co_return;
  if (++errors_ >= kMaxErrors && !ended_) {
    bye("Too many errors");
    endReason_ = "errors";
  }
}

bool Session::passwordsAllowed() const {
  if (secure()) return true;
  const auto& from = config_->imap.auth.plaintextFrom;
  return std::any_of(from.begin(), from.end(), [&](const net::Cidr& range) { return range.contains(peer_.address); });
}

std::uint64_t Session::appendLimit() const {
  return identity_.messageSize != 0 ? identity_.messageSize : kDefaultAppendLimit;
}

// RFC 9051 6.1.1: exactly what works, in this state.
std::string Session::capabilities() const {
  std::string out = "IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE";
  if (account_) {
    out +=
        " IDLE NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN LIST-EXTENDED LIST-STATUS SPECIAL-USE CREATE-SPECIAL-USE "
        "ESEARCH SEARCHRES SORT SORT=DISPLAY THREAD=ORDEREDSUBJECT THREAD=REFERENCES "
        "CONDSTORE QRESYNC BINARY MULTIAPPEND STATUS=SIZE OBJECTID SAVEDATE WITHIN UTF8=ACCEPT QUOTA QUOTA=RES-STORAGE "
        "QUOTA=RES-MESSAGE APPENDLIMIT=" +
        std::to_string(appendLimit());
    return out;
  }
  out += " SASL-IR";
  if (startTls_ && !secure()) out += " STARTTLS";
  if (!passwordsAllowed()) out += " LOGINDISABLED";
  for (const std::string& mechanism : mechanisms()) out += " AUTH=" + mechanism;
  return out;
}

void Session::logEnd() {
  log::tellSessionEnd(worker_.log, facts(identity_.address),
                      {endReason_, connection_.octetsIn(), connection_.octetsOut() + sentDirectly_});
}

}  // namespace ostler::imap
