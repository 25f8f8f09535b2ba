// queue_commands.cc - what `ostler queue`, postqueue and postsuper ask of the spool.
#include <fmt/format.h>
#include <sysexits.h>

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"
#include "queued/control/control.h"
#include "queued/control/listing.h"
#include "queued/spool/contents.h"

namespace ostler::control {

namespace {

using spool::Hold;
using spool::MarkRecord;
using spool::Message;
using spool::MessageRecord;

constexpr std::size_t kPageMessages = 4000;
constexpr std::size_t kReadAtOnce = 500;  ///< records, between two turns of the loop
constexpr std::size_t kChangesAhead = 40'000;
constexpr std::size_t kTranscriptsMost = 20;  ///< messages shown with what was said about them
constexpr std::size_t kExportPage = 256 * 1024;

ListFormat formatOf(const Arguments& arguments) {
  if (arguments.has("--postfix")) return ListFormat::postfix;
  if (arguments.has("--postfix-json")) return ListFormat::postfixJson;
  return arguments.has("--json") ? ListFormat::json : ListFormat::text;
}

bool isAt(const std::string& path, const std::string& domain) {
  const std::size_t at = path.rfind('@');
  return at != std::string::npos && equalsIgnoreCase(std::string_view(path).substr(at + 1), domain);
}

/// "example.net" of "mx:example.net".
std::string domainIn(const std::string& destination) {
  const std::size_t colon = destination.find(':');
  return destination.substr(colon == std::string::npos ? 0 : colon + 1);
}

bool fits(const MessageRecord& record, const Arguments& arguments) {
  if (!arguments.reaches(record.origin.virtualServer)) return false;
  const std::string sender = arguments.value("--sender");
  const std::string recipient = arguments.value("--recipient");
  const std::string domain = arguments.value("--destination");
  if (!sender.empty() && !equalsIgnoreCase(sender, record.reversePath)) return false;
  const auto anyRecipient = [&record](auto&& matches) {
    return std::any_of(record.recipients.begin(), record.recipients.end(), [&](const spool::RecipientRecord& r) {
      return r.state == spool::RecipientState::pending && matches(r.recipient.forwardPath);
    });
  };
  if (!recipient.empty() && !anyRecipient([&](const std::string& path) { return equalsIgnoreCase(path, recipient); })) return false;
  return domain.empty() || anyRecipient([&](const std::string& path) { return isAt(path, domainIn(domain)); });
}

/// Under what the messages that may fit are filed; empty: all of them must be looked at.
std::string filedFor(const Arguments& arguments) {
  const std::string sender = arguments.value("--sender");
  const std::string recipient = arguments.value("--recipient");
  const std::string destination = arguments.value("--destination");
  if (!recipient.empty()) return spool::filedByDomain(route::domainOf(recipient));
  if (!destination.empty()) return spool::filedByDomain(domainIn(destination));
  return sender.empty() ? std::string() : spool::filedBySender(sender);
}

bool hasFilter(const Arguments& arguments) {
  return !arguments.value("--sender").empty() || !arguments.value("--recipient").empty() || !arguments.value("--destination").empty();
}

}  // namespace

Task<void> Control::letOthersIn(std::size_t done) {
  if (done % kReadAtOnce != kReadAtOnce - 1) co_return;
  co_await env_.loop.yield();
  while (env_.queue.changedCount() > kChangesAhead) co_await env_.loop.sleepUntil(Deadline::after(std::chrono::milliseconds(20)));
}

Task<Control::Reply> Control::list(Arguments arguments, std::string cursor) {
  Reply reply;
  const ListFormat format = formatOf(arguments);
  const bool isFirst = cursor.empty();
  const std::vector<Id128> ids = env_.queue.idsAfter(Id128::parse(cursor).value_or(Id128()), kPageMessages, filedFor(arguments));
  const bool isEmpty = env_.queue.messages().empty();
  if (isFirst && !isEmpty) reply.output = listHead(format);
  if (isFirst && isEmpty && format == ListFormat::postfix) reply.output = "Mail queue is empty\n";
  std::size_t shown = 0;
  LocalTimes times;
  while (shown < ids.size() && reply.output.size() < kPageOctets) {
    std::vector<const Message*> messages;
    for (const std::size_t end = std::min(shown + kReadAtOnce, ids.size()); shown < end; ++shown) {
      if (const Message* message = env_.queue.find(ids[shown])) messages.push_back(message);  // else it ended since the index was committed
    }
    const std::vector<MessageRecord> records = env_.queue.unpackAll(messages);
    for (std::size_t at = 0; at < records.size(); ++at) {
      if (fits(records[at], arguments)) appendMessage(reply.output, {*messages[at], records[at]}, format, times);
    }
  }
  const bool isLast = shown == ids.size() && ids.size() < kPageMessages;
  if (!isLast) {
    reply.next = ids[shown - 1].text();
  } else if (!(format == ListFormat::postfix && isEmpty)) {
    reply.output += listFoot(format, env_.queue.octets(), env_.queue.messages().size());
  }
  co_return reply;
}

/// Numbers for monitors: one JSON object. Costs the same however many messages there are.
Task<Control::Reply> Control::summary(Arguments, std::string) {
  Reply reply;
  const std::vector<Id128> first = env_.queue.idsAfter(Id128(), 1);
  const Message* const oldest = first.empty() ? nullptr : env_.queue.find(first.front());
  const auto age = oldest == nullptr ? std::chrono::seconds(0) : std::chrono::duration_cast<std::chrono::seconds>(env_.now() - oldest->arrived);
  reply.output = fmt::format(
      R"({{"messages":{},"octets":{},"held":{},"pending_recipients":{},"oldest_seconds":{},"stopped":{}}})", env_.queue.messages().size(),
      env_.queue.octets(), env_.queue.held(), env_.queue.pendingRecipients(), age.count(), env_.queue.isStopped() ? 1 : 0);
  co_return reply;
}

Task<Result<std::vector<Id128>>> Control::select(Arguments arguments) {
  std::vector<Id128> ids;
  const bool isAll = arguments.has("--all") || (arguments.words.size() == 1 && arguments.words[0] == "ALL");
  if (hasFilter(arguments) || isAll) {
    const bool isEach = !hasFilter(arguments) && !arguments.servers;
    std::vector<Id128> all = env_.queue.idsAfter(Id128(), SIZE_MAX, filedFor(arguments));
    if (isEach) co_return all;
    for (std::size_t at = 0; at < all.size(); ++at) {
      co_await letOthersIn(at);
      const Message* const message = env_.queue.find(all[at]);
      if (message != nullptr && fits(env_.queue.unpack(*message), arguments)) ids.push_back(all[at]);
    }
    co_return ids;
  }
  if (arguments.words.empty()) co_return fail(Error::Kind::syntax, "name queue ids, or --all, --destination, --sender or --recipient");
  for (const std::string& word : arguments.words) {
    const auto id = Id128::parse(word);
    const Message* const message = id ? env_.queue.find(*id) : nullptr;
    const bool isTheirs = message != nullptr && (!arguments.servers || arguments.reaches(env_.queue.unpack(*message).origin.virtualServer));
    if (!isTheirs) co_return fail(Error::Kind::notFound, fmt::format("there is no message {} in the queue", word));
    ids.push_back(*id);
  }
  co_return ids;
}

Task<Control::Reply> Control::show(Arguments arguments, std::string) {
  const auto ids = co_await select(arguments);
  if (!ids) co_return refuse(EX_DATAERR, ids.error().detail);
  Reply reply;
  LocalTimes times;
  for (const Id128& id : *ids) {
    const Message* message = env_.queue.find(id);
    if (message == nullptr) continue;
    const MessageRecord record = env_.queue.unpack(*message);
    const ListFormat format = formatOf(arguments);
    appendMessage(reply.output, {*message, record}, format, times);
    const bool isOurs = format == ListFormat::text || format == ListFormat::json;
    if (isOurs && ids->size() <= kTranscriptsMost) appendTranscripts(reply.output, env_.queue.transcriptsOf(id), format);
    if (reply.output.size() > kPageOctets) break;
  }
  co_return reply;
}

Task<Control::Reply> Control::retry(Arguments arguments, std::string) {
  const auto ids = co_await select(arguments);
  if (!ids) co_return refuse(EX_DATAERR, ids.error().detail);
  if (!arguments.servers) {
    for (const auto& [key, destination] : env_.scheduler.destinations()) destination->retryNow();
  }
  std::size_t done = 0;
  for (const Id128& id : *ids) {
    co_await letOthersIn(done++);
    MarkRecord mark;
    mark.id = id;
    mark.kind = MarkRecord::Kind::due;
    mark.due = env_.now();
    env_.ledger.note(mark);
    env_.queue.apply(mark);
    dispatcher_.wakeSoon(id);
  }
  Reply reply;
  reply.output = fmt::format("{{\"retried\":{}}}\n", ids->size());
  co_return reply;
}

void Control::markHold(const Id128& id, Hold hold) {
  MarkRecord mark;
  mark.id = id;
  mark.hold = hold;
  env_.ledger.note(mark);
  env_.queue.apply(mark);
  if (hold == Hold::none) dispatcher_.wakeSoon(id);
}

void Control::layOnAll(const std::string& destination, Hold hold) {
  const spool::DestinationRecord record{destination, hold};
  env_.ledger.note(record);
  env_.queue.apply(record);
  dispatcher_.heedHolds();
  if (hold != Hold::none) return;
  // What waits for a next hop or a route is in line; what another word stopped is in no schedule.
  if (destination == spool::Queue::kEverything) dispatcher_.resume();
  if (!destination.starts_with(spool::Queue::kSender)) return;
  const std::string filed = spool::filedBySender(std::string_view(destination).substr(spool::Queue::kSender.size()));
  for (const Id128& id : env_.queue.idsAfter(Id128(), SIZE_MAX, filed)) dispatcher_.wakeSoon(id);
}

Task<Control::Reply> Control::layOn(Arguments arguments, Hold hold) {
  if (!arguments.servers) {
    if (std::optional<Reply> done = layOnMany(arguments, hold)) co_return *done;
  }
  const auto ids = co_await select(arguments);
  if (!ids) co_return refuse(EX_DATAERR, ids.error().detail);
  std::size_t done = 0;
  for (const Id128& id : *ids) {
    co_await letOthersIn(done++);
    markHold(id, hold);
  }
  Reply reply;
  reply.output = fmt::format("{{\"changed\":{}}}\n", ids->size());
  co_return reply;
}

/// On senders, routes and destinations, with what comes later; nothing when messages are meant.
std::optional<Control::Reply> Control::layOnMany(const Arguments& arguments, Hold hold) {
  Reply reply;
  const std::string destination = arguments.value("--destination");
  for (const auto& [option, prefix] : {std::pair{"--sender", spool::Queue::kSender}, {"--route", spool::Queue::kRoute}}) {
    if (arguments.value(option).empty()) continue;
    // For mail that comes later, too.
    layOnAll(std::string(prefix) + asciiLower(arguments.value(option)), hold);
    reply.output = "{\"changed\":1}\n";
    return reply;
  }
  if (arguments.has("--all") || !destination.empty()) {
    const bool isKey = destination.find(':') != std::string::npos;
    layOnAll(destination.empty() ? std::string(spool::Queue::kEverything) : isKey ? destination : "mx:" + asciiLower(destination), hold);
    reply.output = "{\"changed\":1}\n";
    return reply;
  }
  return std::nullopt;
}

Task<Control::Reply> Control::freeze(Arguments arguments, std::string) { return layOn(std::move(arguments), Hold::frozen); }
Task<Control::Reply> Control::thaw(Arguments arguments, std::string) { return layOn(std::move(arguments), Hold::none); }
Task<Control::Reply> Control::hold(Arguments arguments, std::string) { return layOn(std::move(arguments), Hold::held); }
Task<Control::Reply> Control::release(Arguments arguments, std::string) { return layOn(std::move(arguments), Hold::none); }

Task<Control::Reply> Control::remove(Arguments arguments, std::string) {
  const auto ids = co_await select(arguments);
  if (!ids) co_return refuse(EX_DATAERR, ids.error().detail);
  std::size_t done = 0;
  for (const Id128& id : *ids) {
    co_await letOthersIn(done++);
    if (arguments.has("--notify")) {
      dispatcher_.expire(id);
    } else {
      dispatcher_.remove(id);
    }
  }
  Reply reply;
  reply.output = fmt::format("{{\"deleted\":{}}}\n", ids->size());
  co_return reply;
}

Task<Control::Reply> Control::expire(Arguments arguments, std::string) {
  const auto ids = co_await select(arguments);
  if (!ids) co_return refuse(EX_DATAERR, ids.error().detail);
  std::size_t done = 0;
  for (const Id128& id : *ids) {
    co_await letOthersIn(done++);
    dispatcher_.expire(id);
  }
  Reply reply;
  reply.output = fmt::format("{{\"expired\":{}}}\n", ids->size());
  co_return reply;
}

/// First page: the envelope; then the content, base64, 256 KiB each.
/// With --record, for a backup: the message's record as it stands now, in front of its content. Who is gone was delivered: no complaint.
Task<Control::Reply> Control::exportContent(Arguments arguments, std::string cursor) {
  const auto ids = co_await select(arguments);
  if (!ids && arguments.has("--record")) co_return refuse(EX_NOINPUT, "");
  if (!ids || ids->size() != 1) co_return refuse(EX_DATAERR, ids ? "one message at a time" : ids.error().detail);
  const Id128 id = ids->front();
  Reply reply;
  if (cursor.empty() && arguments.has("--record")) {
    const Message* message = env_.queue.find(id);
    const Result<MessageRecord> record = env_.queue.read(*message);
    if (!record) co_return refuse(EX_TEMPFAIL, record.error().detail);
    reply.output = fmt::format("{{\"record\":\"{}\"}}\n", encodeBase64(spool::encodeRecord(*record)));
    reply.next = "0";
    co_return reply;
  }
  if (cursor.empty()) {
    const Message* message = env_.queue.find(id);
    LocalTimes times;
    appendMessage(reply.output, {*message, env_.queue.unpack(*message)}, ListFormat::json, times);
    reply.next = "0";
    co_return reply;
  }
  const auto content = co_await spool::readContent(env_, id, UINT64_MAX);
  if (!content && arguments.has("--record") && env_.queue.find(id) == nullptr) co_return refuse(EX_NOINPUT, "");
  if (!content) co_return refuse(EX_TEMPFAIL, content.error().detail);
  const std::uint64_t offset = std::min<std::uint64_t>(parseDecimal(cursor).value_or(0), (*content)->size());
  const std::string_view piece = std::string_view(**content).substr(offset, kExportPage);
  reply.output = fmt::format("{{\"octets\":\"{}\"}}\n", encodeBase64(piece));
  if (offset + piece.size() < (*content)->size()) reply.next = std::to_string(offset + piece.size());
  co_return reply;
}

/// What an administrator has laid on destinations, senders and routes.
Task<Control::Reply> Control::holds(Arguments, std::string) {
  Reply reply;
  for (const auto& [key, hold] : env_.queue.destinations())
    reply.output += fmt::format("{{\"key\":{},\"hold\":\"{}\"}}\n", jsonString(key), hold == Hold::held ? "held" : "frozen");
  co_return reply;
}

Task<Control::Reply> Control::wait(Arguments arguments, std::string) {
  const auto seconds = parseDecimal(arguments.value("--timeout").empty() ? "60" : arguments.value("--timeout"), 86'400);
  const std::string word = arguments.value("--id");
  const auto id = Id128::parse(word);
  if (!seconds || (!id && !arguments.has("--empty"))) co_return refuse(EX_USAGE, "wait for --id ID or --empty, with --timeout SECONDS");
  const Deadline deadline = Deadline::after(std::chrono::seconds(*seconds));
  while (!deadline.passed()) {
    const bool isOver = id ? env_.queue.find(*id) == nullptr : env_.queue.messages().empty();
    if (isOver) co_return Reply{};
    co_await env_.loop.sleepUntil(Deadline::after(std::chrono::milliseconds(20)));
  }
  co_return refuse(EX_TEMPFAIL, fmt::format("still {} in the queue after {} s", id ? word : std::to_string(env_.queue.messages().size()) + " messages", *seconds));
}

Task<Control::Reply> Control::destinations(Arguments, std::string) {
  Reply reply;
  const WallTime now = env_.now();
  for (const auto& [key, destination] : env_.scheduler.destinations()) {
    static constexpr const char* kNames[] = {"active", "retry", "frozen", "held", "asleep"};
    reply.output += fmt::format(R"({{"destination":{},"state":"{}","waiting":{},"running":{},"window":{},"retryAt":{},"reason":{}}})",
                                jsonString(key), kNames[static_cast<std::size_t>(destination->state(now))], destination->waiting(),
                                destination->running(), destination->window(), toUnixMillis(destination->retryAt()) / 1000,
                                jsonString(destination->lastReply));
    reply.output += '\n';
    if (reply.output.size() > kPageOctets) break;
  }
  for (const auto& [key, hold] : env_.queue.destinations()) {
    if (env_.scheduler.find(key) != nullptr) continue;
    reply.output += fmt::format("{{\"destination\":{},\"state\":\"{}\"}}\n", jsonString(key), hold == Hold::held ? "held" : "frozen");
  }
  co_return reply;
}

Task<Control::Reply> Control::verify(Arguments, std::string) {
  const auto& journal = env_.ledger.journal();
  std::uint64_t unreadable = 0;
  const std::vector<Id128> ids = env_.queue.idsAfter(Id128(), SIZE_MAX);
  Reply reply;
  for (const Id128& id : ids) {
    if (env_.queue.find(id) == nullptr) continue;
    const auto content = co_await spool::readContent(env_, id, UINT64_MAX);
    if (content || env_.queue.find(id) == nullptr) continue;
    ++unreadable;
    if (reply.output.size() < kPageOctets) reply.output += fmt::format("{{\"id\":\"{}\",\"error\":{}}}\n", id.text(), jsonString(content.error().detail));
  }
  for (const journal::Damage& damage : journal.damage()) {
    reply.output += fmt::format("{{\"segment\":{},\"offset\":{},\"error\":{}}}\n", damage.from.segment, damage.from.offset, jsonString(damage.what));
  }
  reply.output += fmt::format("{{\"messages\":{},\"unreadable\":{},\"damaged\":{},\"segments\":{},\"octets\":{}}}\n", ids.size(), unreadable,
                              journal.damage().size(), journal.segments().size(), journal.octetsOnDisk());
  if (unreadable > 0 || !journal.damage().empty()) reply.exitCode = EX_DATAERR;
  co_return reply;
}

}  // namespace ostler::control
