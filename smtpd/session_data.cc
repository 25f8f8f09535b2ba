// session_data.cc - DATA and BDAT: the content. RFC 5321 4.1.1.4, 4.4, 4.5.2; RFC 3030 2; RFC 2033 4.2 (LMTP's replies).
#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"
#include "libmailcore/daemon/drain.h"
#include "libmailcore/ipc/draft.h"
#include "libmailcore/message/compose.h"
#include "libmailcore/message/received.h"
#include "libmailcore/smtp/dot_stuffing.h"
#include "smtpd/session.h"

namespace ostler::smtpd {
namespace {

using smtp::Reply;

constexpr std::size_t kRead = 64 * 1024;
constexpr std::size_t kFirstReads = 16 * 1024;  // what comes behind a small message waits where it is, and not with us
constexpr std::chrono::milliseconds kGoodbye{500};  // of a drain, for the last reply
constexpr std::uint64_t kMostReadOver = 64U << 20;
constexpr std::uint64_t kAskFirst =
    64 * 1024;  // a message declared larger is not asked for before the spool has agreed

// RFC 3848, RFC 6531 4.3: which protocol the message came by.
std::string protocolName(bool lmtp, bool extended, bool utf8, bool tls, bool authenticated) {
  std::string name = utf8 ? "UTF8" : "";
  name += lmtp ? "LMTP" : extended || utf8 ? (utf8 ? "SMTP" : "ESMTP") : "SMTP";
  if (!extended) return name;
  if (tls) name += 'S';
  if (authenticated) name += 'A';
  return name;
}

// A trace field of ours must not be what keeps a message from hosts without SMTPUTF8: RFC 6531 3.2.
std::string inAsciiWherePossible(const std::string& path) {
  const std::size_t at = path.rfind('@');
  if (at == std::string::npos || isAllAscii(path)) return path;
  return path.substr(0, at + 1) + inALabels(path.substr(at + 1));
}

}  // namespace

std::string Session::traceField(const Id128& draft) const {
  message::Received received;
  received.helo = info_.helo;
  if (!overUnix_) received.clientAddress = clientAddress_.text();
  received.clientName = info_.clientName;
  received.by = hostName();
  received.byComment = "Ostler";
  received.with =
      protocolName(isLmtp(), extended_, envelope_.smtpUtf8, connection_.tls() != nullptr, isAuthenticated());
  received.tls = info_.tls;
  received.id = draft.text();
  if (envelope_.recipients.size() == 1) received.forPath = inAsciiWherePossible(envelope_.recipients.front().forwardPath);
  received.priority = envelope_.handling.priority;
  received.time = around_.clock.now();
  return message::writeReceived(received);
}

std::unique_ptr<Incoming> Session::openMessage() {
  pace_ = Pace(limits().idle);
  ipc::OpenDraft request;
  request.draft = Id128::make(around_.clock.now());
  request.session = info_;
  request.envelope = envelope_;
  request.declaredSize = declaredSize_;
  IncomingSettings settings;
  settings.traceField = traceField(request.draft);
  settings.objection = [this](const receiving::Content& content) { return objection(receiving::Stage::endOfData, content); };
  if (kind_ == config::SmtpKind::submission) {  // RFC 6409 8.1, 8.3
    settings.missingFields = [host = hostName(), now = around_.clock.now(),
                              id = request.draft](std::string_view header) {
      return message::missingFields(header, {now, id, host, ""});
    };
  }
  return std::make_unique<Incoming>(around_.loop, around_.policy, around_.budget, std::move(request),
                                    std::move(settings));
}

Task<smtp::Reply> Session::data(std::string_view argument) {
  if (!argument.empty()) co_return Reply{501, "5.5.4", "DATA takes no argument"};
  if (auto objected = objection(receiving::Stage::data)) co_return std::move(*objected);
  const std::unique_ptr<Incoming> incoming = openMessage();
  if (declaredSize_ > kAskFirst) {
    const Result<void> agreed = co_await incoming->opened();
    if (!agreed) {
      const Outcome refused = co_await incoming->finish(idle());
      co_return refused.replies.front();
    }
  }
  co_await say({354, "", "End data with <CR><LF>.<CR><LF>"});
  const Result<void> received = co_await receiveUntilDot(*incoming);
  if (!received) co_return lost(received.error());
  Reply reply = co_await finishMessage(*incoming);
  co_return reply;
}

/// The next octets of content. A drain lets the step be finished, but tells the client in time that it will not be: RFC 5321 3.8.
/// Errors: closed, timeout, interrupted (by a drain that could wait no longer).
Task<Result<std::string_view>> Session::readContent(std::size_t most) {
  while (true) {
    if (lastCall_.passed()) co_return fail(Error::Kind::interrupted, "drain");
    const SteadyTime before = std::chrono::steady_clock::now();
    const Deadline patience = Deadline::after(pace_.patience());
    const Result<std::string_view> some = co_await connection_.readSome(most, patience.orSooner(lastCall_));
    pace_.came(some ? some->size() : 0, std::chrono::steady_clock::now() - before);
    if (!some && some.error().kind == Error::Kind::interrupted) {
      lastCall_ = Deadline::after(daemon::kDrainOfClients - kGoodbye);
      continue;
    }
    if (!some && lastCall_.passed()) continue;
    if (some && some->empty()) co_return fail(Error::Kind::closed, "closed inside the content");
    co_return some;
  }
}

// Refused content is read over, since most clients listen only behind it. Who goes on and on with it hears the reply at once, and is left.
bool Session::mayGoOn(std::uint64_t octets) {
  readOver_ += octets;
  if (readOver_ <= kMostReadOver) return true;
  leave("went on with refused content");
  return false;
}

Task<Result<void>> Session::receiveUntilDot(Incoming& incoming) {
  smtp::DotUnstuffer unstuffer;
  while (!unstuffer.done()) {
    const std::size_t most = incoming.size() < kRead ? kFirstReads : kRead;
    const Result<std::string_view> some = co_await readContent(most);
    if (!some) co_return fail(some.error());
    const std::size_t used = unstuffer.take(*some, incoming.buffer());
    connection_.unread(some->size() - used);
    if (unstuffer.sawBareLineEnd()) incoming.sawBareLineEnd();
    co_await incoming.passOn(idle());
    if (incoming.refused() && !mayGoOn(used)) break;
  }
  co_return Result<void>();
}

Task<smtp::Reply> Session::finishMessage(Incoming& incoming) {
  const std::uint64_t size = incoming.size();
  if (isWrittenDown_) writeDown("client", "(" + std::to_string(size) + " octets of content)");
  const Outcome outcome = co_await incoming.finish(idle());
  sessionOctets_ += size;
  const std::size_t recipients = envelope_.recipients.size();
  if (!outcome.queueId.empty()) {
    ++messages_;
    commandsSinceMessage_ = 0;
    logAccepted(outcome.queueId, size);
  } else if (!outcome.detail.empty()) {
    (void)unavailable("message", {Error::Kind::temporary, outcome.detail});
  }
  beginNewTransaction();
  if (!isLmtp()) co_return outcome.replies.front();
  // One for each recipient that was accepted, in their order: RFC 2033 4.2.
  for (std::size_t at = 0; at + 1 < recipients; ++at) {
    co_await say(outcome.replies[std::min(at, outcome.replies.size() - 1)]);
  }
  co_return outcome.replies[std::min(recipients, outcome.replies.size()) - 1];
}

void Session::logAccepted(const std::string& queueId, std::uint64_t size) const {
  if (!around_.log.enabled(log::Level::info)) return;
  around_.log.info("message", {{"session", info_.session.text()},
                               {"id", queueId},
                               {"from", envelope_.reversePath},
                               {"size", size},
                               {"recipients", std::uint64_t{envelope_.recipients.size()}}});
}

// ---- BDAT

// Where the next command begins is not known: what follows may be content as well.
smtp::Reply Session::chunkWithoutSize() {
  leave("BDAT without a size");
  return {421, "4.5.4", "BDAT needs a size"};
}

Task<smtp::Reply> Session::bdat(std::string_view argument) {
  const auto command = smtp::parseBdat(argument);
  if (!command) co_return chunkWithoutSize();
  if (!chunks_) chunks_ = openMessage();
  state_ = bdatOpen;
  const Result<void> received = co_await receiveChunk(*chunks_, command->size);
  if (!received) co_return lost(received.error());
  if (command->size > 0) --commandsSinceMessage_;  // however small a client's chunks are, they are a message on its way
  if (!command->last && !chunks_->refused()) {
    co_return Reply{250, "2.0.0", std::to_string(command->size) + " octets received"};
  }
  // With a chunk refused the transaction is over; chunks that follow are read over: RFC 3030 2.
  const std::unique_ptr<Incoming> complete = std::move(chunks_);
  if (!command->last) {
    const Outcome refused = co_await complete->finish(idle());
    beginNewTransaction();
    co_return refused.replies.front();
  }
  if (!envelope_.binary) {
    if (chunkEnds_.afterCr()) complete->sawBareLineEnd();
    if (!chunkEnds_.atLineStart()) complete->buffer() += "\r\n";
  }
  Reply reply = co_await finishMessage(*complete);
  co_return reply;
}

Task<Result<void>> Session::receiveChunk(Incoming& incoming, std::uint64_t octets) {
  while (octets > 0) {
    const Result<std::string_view> some = co_await readContent(static_cast<std::size_t>(std::min<std::uint64_t>(octets, kRead)));
    if (!some) co_return fail(some.error());
    octets -= some->size();
    chunkEnds_.look(*some);
    if (chunkEnds_.bare()) incoming.sawBareLineEnd();
    incoming.buffer() += *some;
    co_await incoming.passOn(idle());
    if (incoming.refused() && !mayGoOn(some->size())) break;
  }
  co_return Result<void>();
}

// The client sends the octets without waiting for our reply, so they are there whatever we said.
Task<smtp::Reply> Session::skipChunk(std::string_view argument) {
  const auto command = smtp::parseBdat(argument);
  if (!command) co_return chunkWithoutSize();
  std::uint64_t left = command->size;
  pace_ = Pace(limits().idle);
  while (left > 0) {
    const Result<std::string_view> some = co_await readContent(static_cast<std::size_t>(std::min<std::uint64_t>(left, kRead)));
    if (!some) co_return lost(some.error());
    left -= some->size();
    if (!mayGoOn(some->size())) co_return Reply{421, "4.7.0", "Too much content that nobody asked for"};
  }
  co_return Reply{0, "", ""};
}

}  // namespace ostler::smtpd
