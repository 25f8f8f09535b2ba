#include "queued/spool/draft.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"
#include "libmailcore/ipc/session_info.h"
#include "libmailcore/message/compose.h"
#include "libmailcore/message/header.h"
#include "libmailcore/message/header_addresses.h"
#include "libmailcore/message/priority.h"
#include "libmailcore/message/received.h"
#include "libmailcore/smtp/path.h"
#include "queued/spool/draft_state.h"
#include "queued/spool/recode.h"

namespace ostler::spool {

namespace {

/// All drafts together; beyond it the next octets of a draft go to its file, however small it is.
constexpr std::uint64_t kBudget = 64U << 20;
constexpr std::uint64_t kPiece = 256U << 10;  ///< written to a file at once; while one piece is written another one comes
constexpr std::size_t kOpenMost = 20'000;
constexpr std::size_t kOpenMostOfUser = 200;  ///< over submit.sock, which is open to every local user
/// Between two pieces of a draft. RFC 5321 4.5.3.2.5 gives a client 3 minutes for each.
constexpr std::chrono::minutes kIdleMost{10};

/// RFC 8689 5: "TLS-Required: No" in the header.
bool saysTlsOptional(std::string_view content) {
  const message::HeaderView header(content);
  const auto field = header.find("TLS-Required");
  return field && equalsIgnoreCase(message::unfold(field->value), "No");
}

/// The reverse-path as the world shall see it: one in the domain of our user gets the virtual server's public one.
std::string masqueraded(const std::string& path, const std::string& user, const config::VirtualServer* server) {
  const std::string domain = route::domainOf(path);
  const bool isOwn = !user.empty() && !domain.empty() && domain == route::domainOf(user);
  if (server == nullptr || server->masqueradeDomain.empty() || !isOwn) return path;
  return path.substr(0, path.rfind('@') + 1) + inALabels(server->masqueradeDomain);
}

/// What smtpd put in front of the content.
std::size_t lengthOfTrace(std::string_view content) {
  const message::HeaderView header(content);
  const auto first = header.begin();
  const bool isTrace = first != header.end() && equalsIgnoreCase(first->name, "Received");
  return isTrace ? first->offset + first->length : 0;
}

/// Of our users: such a message gets the fields it lacks. RFC 6409 8.
bool isSubmission(const ipc::SessionInfo& session) {
  return session.service == "submission" || session.service == "local" || !session.token.empty();
}

/// smtpd has parsed what it hands over; a program of this machine may say anything. 250: all of them can be sent.
ipc::SmtpReply refusalOfPaths(const ipc::Envelope& envelope) {
  if (!envelope.reversePath.empty() && !smtp::parsePlainPath(envelope.reversePath)) {
    return {553, "5.1.7", "The sender is no address: " + printable(envelope.reversePath)};
  }
  for (const ipc::Recipient& recipient : envelope.recipients) {
    if (!smtp::parsePlainPath(recipient.forwardPath)) return {553, "5.1.3", "A recipient is no address: " + printable(recipient.forwardPath)};
  }
  return {};
}

}  // namespace

Drafts::Drafts(Environment& env, Questions& questions, Acceptance& acceptance)
    : env_(env), questions_(questions), acceptance_(acceptance), idleLook_(env.loop) {}

Drafts::~Drafts() = default;

void Drafts::serve(ipc::Server& server, DraftSource source) {
  using OnClose = ipc::Server::OnClose;
  using Descriptors = std::vector<UniqueFd>;
  server.on<ipc::OpenDraft>([this, source](Connection from, ipc::OpenDraft request, const Descriptors&) {
    return openDraft(std::move(from), std::move(request), source);
  });
  server.on<ipc::DraftData>([this](Connection from, ipc::DraftData request, const Descriptors&) {
    return data(std::move(from), std::move(request));
  });
  server.on<ipc::CommitDraft>([this](Connection from, ipc::CommitDraft request, const Descriptors&) {
    return commit(std::move(from), std::move(request));
  }, OnClose::finish);
  server.on<ipc::DraftOutcome>([this](const Connection&, ipc::DraftOutcome request, const Descriptors&) {
    return outcome(std::move(request));
  });
  server.onNotice<ipc::DiscardDraft>([this](const Connection& from, const ipc::DiscardDraft& request) {
    discard(request.draft, from->id());
  });
  server.onClosed([this](const ipc::ServerConnection& connection) {
    std::vector<std::shared_ptr<Draft>> lost;
    for (const auto& [id, draft] : drafts_) {
      if (draft->connection == connection.id() && !draft->committing) lost.push_back(draft);
    }
    for (const auto& draft : lost) forget(draft);
  });
}

std::shared_ptr<Drafts::Draft> Drafts::find(const Id128& id, std::uint64_t connection) const {
  const auto found = drafts_.find(id);
  if (found == drafts_.end() || found->second->connection != connection) return nullptr;
  return found->second;
}

/// Small messages are opened and committed in two frames: the journal's sync waits a moment for those that are between the two, so
/// that many connections share it. A draft that sends its content in pieces is not waited for.
void Drafts::expectCommit(Draft& draft, bool isSoon) {
  if (draft.commitIsSoon == isSoon) return;
  draft.commitIsSoon = isSoon;
  soonCommitted_ = isSoon ? soonCommitted_ + 1 : soonCommitted_ - 1;
  env_.ledger.journal().expectMore(soonCommitted_);
}

void Drafts::forget(const std::shared_ptr<Draft>& draft) {
  if (drafts_.erase(draft->id) == 0) return;
  if (draft->localUser && --perUser_[*draft->localUser] == 0) perUser_.erase(*draft->localUser);
  expectCommit(*draft, false);
  if (draft->counted.messages != 0) env_.senders.takeBack(draft->user, draft->counted);
  buffered_ -= draft->buffer.size();
  const bool named = draft->committing && env_.queue.find(draft->id) != nullptr;
  if (draft->file && named) draft->file->keep();
}

/// A peer that opens drafts and says no more must not keep others from theirs. Where no draft is open nobody looks.
Task<void> Drafts::dropIdle() {
  while (!drafts_.empty()) {
    co_await env_.loop.sleepUntil(Deadline::after(kIdleMost / 10));
    const SteadyTime since = std::chrono::steady_clock::now() - kIdleMost;
    std::vector<std::shared_ptr<Draft>> idle;
    for (const auto& [id, draft] : drafts_) {
      if (draft->touched < since && !draft->committing && !draft->isWriting()) idle.push_back(draft);
    }
    for (const auto& draft : idle) forget(draft);
  }
}

void Drafts::discard(const Id128& id, std::uint64_t connection) {
  if (const auto draft = find(id, connection); draft && !draft->committing) forget(draft);
}

Task<Result<ipc::SmtpReply>> Drafts::openDraft(Connection from, ipc::OpenDraft request, DraftSource source) {
  if (request.envelope.recipients.empty()) co_return fail(Error::Kind::syntax, "a draft without recipients");
  if (drafts_.size() >= kOpenMost) co_return fail(Error::Kind::limit, "too many drafts are open");
  const auto ofUser = source == DraftSource::local ? perUser_.find(from->peer().uid) : perUser_.end();
  if (ofUser != perUser_.end() && ofUser->second >= kOpenMostOfUser) co_return fail(Error::Kind::limit, "too many drafts of this user are open");
  if (request.draft.isNull() || drafts_.contains(request.draft) || env_.queue.knows(request.draft)) {
    co_return fail(Error::Kind::exists, "the draft's id has been used");
  }
  const Result<void> room = acceptance_.hasRoom(request.declaredSize);
  if (!room) co_return fail(room.error());
  auto draft = std::make_shared<Draft>(env_.loop);
  if (source == DraftSource::smtpd) {
    const bool isOfSmtpd = request.session.service == "smtp" || request.session.service == "submission" || request.session.service == "lmtp";
    if (!isOfSmtpd) co_return fail(Error::Kind::denied, "smtpd cannot speak for that service");
    Questions::Opened opened = co_await questions_.data(request.session, request.envelope, request.declaredSize);
    if (opened.reply.code != 250) co_return std::move(opened.reply);
    draft->user = std::move(opened.user);
    draft->counted = opened.counted;
    if (request.session.service != "lmtp") draft->room = opened.room;  // there each recipient has a reply of its own
  } else {
    ipc::SmtpReply refusal = refusalOfPaths(request.envelope);
    if (refusal.code != 250) co_return std::move(refusal);
    request.session.service = "local";
    request.session.token.clear();
    request.session.client = fmt::format("uid {}", from->peer().uid);
  }
  if (drafts_.contains(request.draft)) {
    if (draft->counted.messages != 0) env_.senders.takeBack(draft->user, draft->counted);
    co_return fail(Error::Kind::exists, "the draft's id has been used");
  }
  if (source == DraftSource::local) {
    draft->localUser = from->peer().uid;
    ++perUser_[from->peer().uid];
  }
  draft->id = request.draft;
  draft->connection = from->id();
  draft->session = std::move(request.session);
  draft->envelope = std::move(request.envelope);
  expectCommit(*draft, true);
  drafts_.emplace(draft->id, std::move(draft));
  if (idleLook_.running() == 0) idleLook_.spawn(dropIdle());
  co_return ipc::SmtpReply{250, "2.0.0", "OK"};
}

/// What came, before it goes into the buffer. Errors: permanent (larger than the virtual server takes).
Result<void> Drafts::count(Draft& draft, std::string_view octets) {
  draft.size += octets.size();
  draft.touched = std::chrono::steady_clock::now();
  const config::VirtualServer* const server = serverOf(*env_.config, draft.session);  // gone: its commit is told to come back
  // Trace fields that smtpd put in front do not count against the client.
  if (server != nullptr && !server->limits.messageSize.allows(draft.size > 4096 ? draft.size - 4096 : 0)) {
    return fail(Error::Kind::permanent, "552 5.3.4 The message is larger than is taken here");
  }
  draft.hasEightBit = draft.hasEightBit || hasHighOctet(octets);
  buffered_ += octets.size();
  return {};
}

/// A client that cannot say a priority to us says it in the header: RFC 6758 3.1. Only our own users' mail goes before that of others
/// (RFC 6710 8), and a field that says something else than what counts here would count at a host behind us, so it goes.
void Drafts::settlePriority(Draft& draft) {
  std::int8_t& priority = draft.envelope.handling.priority;
  const message::PriorityFields said = message::priorityFields(draft.buffer);
  if (said.value && !draft.envelope.priorityGiven) priority = *said.value;
  if (draft.user.empty() && draft.session.service != "local") priority = std::min<std::int8_t>(priority, 0);
  if (said.any && said.value != priority) replaceBuffer(draft, message::withoutPriorityFields(draft.buffer));
}

void Drafts::replaceBuffer(Draft& draft, std::string octets) {
  const std::size_t before = draft.buffer.size();
  draft.buffer = std::move(octets);
  draft.size += draft.buffer.size() - before;
  buffered_ += draft.buffer.size() - before;
}

/// What of the addresses in its header the world shall see, where the virtual server wants that.
void Drafts::showDomains(Draft& draft) {
  const config::VirtualServer* const server = serverOf(*env_.config, draft.session);
  if (server == nullptr || !server->rewriteHeader) return;
  const std::string own = draft.user.empty() ? std::string() : route::domainOf(draft.user);
  std::optional<std::string> shown = message::withShownDomains(draft.buffer, {own, inALabels(server->masqueradeDomain), inALabels(server->defaultDomain)});
  if (shown) replaceBuffer(draft, std::move(*shown));
}

void Drafts::completeHeader(Draft& draft) {
  if (std::exchange(draft.headerComplete, true)) return;
  settlePriority(draft);
  if (!isSubmission(draft.session)) return;
  addMissingFields(draft);
  showDomains(draft);
}

/// Fields that a submitted message lacks: RFC 6409 8. Ours that says how it came stays the first: RFC 5321 4.4.
void Drafts::addMissingFields(Draft& draft) {
  const std::string domain = env_.config->hostName;
  message::MissingFields missing;
  missing.now = env_.now();
  missing.id = draft.id;
  missing.domain = domain;
  missing.sender = draft.envelope.reversePath;
  std::string fields = message::missingFields(draft.buffer, missing);
  std::size_t behind = 0;
  if (draft.session.service == "local") {  // no smtpd was there to write it
    message::Received trace;
    trace.by = env_.config->hostName;
    trace.byComment = "Ostler, from " + draft.session.client;
    trace.with = "LOCAL";
    trace.id = draft.id.text();
    trace.time = missing.now;
    fields = message::writeReceived(trace) + fields;
  } else {
    behind = lengthOfTrace(draft.buffer);
  }
  if (!fields.empty()) replaceBuffer(draft, draft.buffer.substr(0, behind) + fields + draft.buffer.substr(behind));
}

/// Writes the buffer to the draft's file, made if need be. One at a time writes; who comes meanwhile waits, and so does the client, and
/// then mostly finds it written for him.
Task<Result<void>> Drafts::flush(std::shared_ptr<Draft> draft) {
  const Result<Semaphore::Permit> turn = co_await draft->writer.acquire(Deadline::never());
  if (!turn) co_return fail(turn.error());
  completeHeader(*draft);
  if (!draft->failure || (draft->buffer.empty() && draft->file)) co_return draft->failure;
  std::string octets = std::exchange(draft->buffer, {});
  buffered_ -= octets.size();
  if (!draft->file) {
    draft->head = octets.substr(0, 64 * 1024);
    draft->file = LargeFile::make(env_.large, env_.disk, draft->id);
  }
  auto job = [file = draft->file, octets = std::move(octets)] { return file->write(octets); };
  const Result<void> written = co_await env_.disk.run(env_.loop, std::move(job));
  if (!written) draft->failure = written;
  co_return draft->failure;
}

Task<Result<ipc::Empty>> Drafts::data(Connection from, ipc::DraftData request) {
  const auto draft = find(request.draft, from->id());
  if (!draft || draft->committing) co_return fail(Error::Kind::notFound, "no such draft");
  expectCommit(*draft, false);
  Result<void> taken = count(*draft, request.octets);
  if (taken) {
    draft->buffer.reserve(2 * kPiece);
    draft->buffer += request.octets;
  }
  const std::uint64_t most = draft->file ? kPiece : env_.config->queue.largeMessage.octets;
  const bool toFile = draft->buffer.size() > most || buffered_ > kBudget;
  if (taken && toFile) taken = co_await flush(draft);
  if (!taken) {
    forget(draft);
    co_return fail(taken.error());
  }
  co_return ipc::Empty{};
}

/// What came as BINARYMIME becomes lines. RFC 3030 3. Errors: permanent (that would break a signature), temporary.
Task<Result<void>> Drafts::recode(std::shared_ptr<Draft> draft) {
  draft->envelope.binary = false;
  if (!draft->file) {
    Result<std::string> lines = asLines(draft->buffer);
    if (!lines) co_return fail(lines.error());
    buffered_ -= draft->buffer.size();
    draft->buffer = std::move(*lines);
    buffered_ += draft->buffer.size();
    draft->size = draft->buffer.size();
    draft->hasEightBit = hasHighOctet(draft->buffer);
    co_return Result<void>();
  }
  auto job = [file = draft->file]() -> Result<Recoded> {
    Result<Recoded> done = recodeFile(file->fd());
    if (!done) return done;
    const Result<void> summed = file->rewritten(done->size);
    return summed ? std::move(done) : Result<Recoded>(fail(summed.error()));
  };
  Result<Recoded> recoded = co_await env_.disk.run(env_.loop, std::move(job));
  if (!recoded) co_return fail(recoded.error());
  draft->size = recoded->size;
  draft->head = std::move(recoded->head);
  draft->hasEightBit = recoded->hasEightBit;
  co_return Result<void>();
}

MessageRecord Drafts::recordOf(const Draft& draft) const {
  MessageRecord record;
  record.id = draft.id;
  record.arrived = env_.now();
  record.origin.service = draft.session.service;
  record.origin.virtualServer = draft.session.virtualServer;
  record.origin.client = draft.session.client;
  record.origin.helo = draft.session.helo;
  record.origin.user = draft.user;
  record.origin.session = draft.session.session;
  record.reversePath = masqueraded(draft.envelope.reversePath, draft.user, serverOf(*env_.config, draft.session));
  record.envid = draft.envelope.envid;
  record.returned = draft.envelope.returned;
  record.smtpUtf8 = draft.envelope.smtpUtf8;
  record.eightBit = draft.envelope.eightBit;
  record.binary = draft.envelope.binary;
  record.size = draft.size;
  record.large = static_cast<bool>(draft.file);
  if (draft.file) record.contentCrc = draft.file->crc();
  record.hasEightBit = draft.hasEightBit;
  // A client that writes octets beyond ASCII into its header without a word about it has always been passed on so; only what was handed
  // over by SMTPUTF8 must not go to a host without it (RFC 6531 3.2).
  if (draft.hasEightBit && record.smtpUtf8) {
    const message::HeaderView header(draft.file ? std::string_view(draft.head) : std::string_view(draft.buffer));
    record.utf8Header = hasHighOctet(header.text());
  }
  record.handling = draft.envelope.handling;
  if (draft.user.empty() && draft.session.service != "local") record.handling.holdUntil = {};
  record.handling.tlsOptional = !record.handling.requireTls && saysTlsOptional(draft.file ? draft.head : draft.buffer);
  std::unordered_set<std::string> named;  // who is named twice gets one copy, here and elsewhere
  for (const ipc::Recipient& recipient : draft.envelope.recipients) {
    if (!named.insert(distinctPath(recipient.forwardPath)).second) continue;
    RecipientRecord to;
    to.recipient = recipient;
    to.due = record.handling.holdUntil;
    record.recipients.push_back(std::move(to));
  }
  return record;
}

Task<Result<ipc::CommitReply>> Drafts::commit(Connection from, ipc::CommitDraft request) {
  const auto draft = find(request.draft, from->id());
  if (!draft || draft->committing) co_return fail(Error::Kind::notFound, "no such draft");
  draft->committing = true;
  ++committing_;
  expectCommit(*draft, false);
  Result<void> whole = count(*draft, request.lastOctets);
  if (whole && !draft->buffer.empty()) draft->buffer += request.lastOctets;
  if (whole && draft->buffer.empty()) draft->buffer = std::move(request.lastOctets);
  if (whole && (draft->file || draft->buffer.size() > env_.config->queue.largeMessage.octets)) whole = co_await flush(draft);
  completeHeader(*draft);
  if (whole && draft->envelope.binary) {
    const Result<void> recoded = co_await recode(draft);
    whole = recoded;
  }
  Result<ipc::CommitReply> reply = ipc::CommitReply{};
  const Questions::Content content{draft->file ? draft->head : draft->buffer, draft->octetsInMailbox(), draft->room};
  ipc::SmtpReply verdict = co_await questions_.endOfData(draft->session, draft->envelope, content);
  const bool isUnfit = !whole && whole.error().kind == Error::Kind::permanent;
  if (isUnfit && verdict.code == 250) verdict = {554, "5.6.1", whole.error().detail};
  if (!whole && !isUnfit) {
    reply = fail(whole.error());
  } else if (verdict.code != 250) {
    reply->replies.assign(draft->envelope.recipients.size(), verdict);
  } else if (draft->session.service == "lmtp") {
    reply = co_await commitToMailboxes(draft);
  } else {
    reply = co_await commitToQueue(draft);
  }
  if (reply && !reply->queueId.empty()) draft->counted = {};  // it is mail: it stays counted
  --committing_;
  forget(draft);
  co_return reply;
}

Task<Result<ipc::CommitReply>> Drafts::commitToQueue(std::shared_ptr<Draft> draft) {
  MessageRecord record = recordOf(*draft);
  std::shared_ptr<const std::string> content;
  if (draft->file) {
    auto job = [file = draft->file] { return file->finish(); };
    const Result<void> named = co_await env_.disk.run(env_.loop, std::move(job));
    if (!named) co_return fail(named.error());
  } else {
    buffered_ -= draft->buffer.size();
    content = std::make_shared<const std::string>(std::exchange(draft->buffer, {}));
  }
  const Result<void> accepted = co_await acceptance_.accept(std::move(record), std::move(content));
  if (!accepted) co_return fail(accepted.error());
  ipc::CommitReply reply;
  reply.queueId = draft->id.text();
  const ipc::SmtpReply taken{250, "2.0.0", "Ok, queued as " + reply.queueId};
  reply.replies.assign(draft->envelope.recipients.size(), taken);
  co_return reply;
}

Task<Result<ipc::CommitReply>> Drafts::outcome(ipc::DraftOutcome request) {
  // Its commit may still be waiting for the disk: the answer is then what becomes of it.
  const Deadline patience = Deadline::after(std::chrono::seconds(30));
  while (!patience.passed()) {
    const auto found = drafts_.find(request.draft);
    if (found == drafts_.end() || !found->second->committing) break;
    co_await env_.loop.sleepUntil(Deadline::after(std::chrono::milliseconds(5)));
  }
  if (const auto known = mailboxOutcomes_.find(request.draft); known != mailboxOutcomes_.end()) co_return known->second;
  ipc::CommitReply reply;
  if (!env_.queue.knows(request.draft)) co_return reply;
  reply.queueId = request.draft.text();
  reply.replies.push_back({250, "2.0.0", "Ok, queued as " + reply.queueId});
  co_return reply;
}

}  // namespace ostler::spool
