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
using spool::MessageView;
using spool::Reading;

constexpr std::size_t kPageMessages = 6000;
constexpr std::size_t kReadAtOnce = 500;    ///< records, between two turns of the loop
constexpr std::size_t kIdsAtOnce = 10'000;  ///< between two turns of the loop
constexpr std::size_t kChangesAhead = 40'000;
constexpr std::size_t kTranscriptsMost = 20;  ///< messages shown with what was said about them
constexpr std::size_t kExportPage = 256 * 1024;

ListFormat formatOf(const Arguments& arguments) {
  if (arguments.has("--postfix")) return ListFormat::postfix;
  if (arguments.has("--postfix-json")) return ListFormat::postfixJson;
  return arguments.has("--json") ? ListFormat::json : ListFormat::text;
}

bool isAt(std::string_view path, std::string_view domain) {
  const std::size_t at = path.rfind('@');
  return at != std::string_view::npos && equalsIgnoreCase(path.substr(at + 1), domain);
}

/// "example.net" of "mx:example.net".
std::string domainIn(const std::string& destination) {
  const std::size_t colon = destination.find(':');
  return destination.substr(colon == std::string::npos ? 0 : colon + 1);
}

/// What the arguments ask for, taken out of them once for many messages.
class Filter {
 public:
  explicit Filter(const Arguments& arguments)
      : arguments_(arguments),
        sender_(arguments.value("--sender")),
        recipient_(arguments.value("--recipient")),
        domain_(domainIn(arguments.value("--destination"))) {}
  [[nodiscard]] bool fits(const MessageView& record) const {
    if (!arguments_.reaches(record.origin.virtualServer)) return false;
    if (!sender_.empty() && !equalsIgnoreCase(sender_, record.reversePath)) return false;
    const auto anyRecipient = [&record](auto&& matches) {
      return std::any_of(record.recipients.begin(), record.recipients.end(), [&](const spool::RecipientView& r) {
        return r.state == spool::RecipientState::pending && matches(r.forwardPath);
      });
    };
    if (!recipient_.empty() && !anyRecipient([this](std::string_view path) { return equalsIgnoreCase(path, recipient_); })) return false;
    return domain_.empty() || anyRecipient([this](std::string_view path) { return isAt(path, domain_); });
  }

 private:
  const Arguments& arguments_;
  std::string sender_;
  std::string recipient_;
  std::string domain_;
};

/// Under what the messages that may fit are filed; empty: all of them must be looked at.
std::string filedFor(const Arguments& arguments) {
  const std::string sender = arguments.value("--sender");
  const std::string recipient = arguments.value("--recipient");
  const std::string destination = arguments.value("--destination");
  if (!recipient.empty()) return spool::filedByDomain(route::domainOf(recipient));
  if (!destination.empty()) return spool::filedByDomain(domainIn(destination));
  return sender.empty() ? std::string() : spool::filedBySender(sender);
}

/// Senders, routes and destinations to lay a hold on, for mail that comes later, too; empty when messages are meant.
std::string manyOf(const Arguments& arguments) {
  for (const auto& [option, prefix] : {std::pair{"--sender", spool::Queue::kSender}, {"--route", spool::Queue::kRoute}}) {
    if (!arguments.value(option).empty()) return std::string(prefix) + asciiLower(arguments.value(option));
  }
  const std::string destination = arguments.value("--destination");
  if (!destination.empty()) return destination.find(':') != std::string::npos ? destination : "mx:" + asciiLower(destination);
  return arguments.has("--all") ? std::string(spool::Queue::kEverything) : std::string();
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

Task<void> Control::readBack(std::shared_ptr<spool::Reading> reading) {
  auto job = [reading]() -> Result<void> {
    reading->run();
    return {};
  };
  const Result<void> done = co_await env_.disk.run(env_.loop, std::move(job));
  if (!done) reading->run();  // the pool takes no more
}

Task<std::vector<Id128>> Control::idsOf(std::string filed) {
  std::vector<Id128> all;
  while (true) {
    const std::vector<Id128> page = env_.queue.idsAfter(all.empty() ? Id128() : all.back(), kIdsAtOnce, filed);
    all.insert(all.end(), page.begin(), page.end());
    if (page.size() < kIdsAtOnce) co_return all;
    co_await env_.loop.yield();
  }
}

Task<void> Control::showEach(std::vector<Id128> ids, std::function<void(const Message&, const MessageView&)> each, const bool* isEnough) {
  for (std::size_t at = 0; at < ids.size() && (isEnough == nullptr || !*isEnough); at += kReadAtOnce) {
    auto reading = std::make_shared<Reading>(env_.queue.reading(std::span(ids).subspan(at, std::min(kReadAtOnce, ids.size() - at))));
    co_await readBack(reading);
    env_.queue.show(*reading, each);
  }
}

Task<Control::Reply> Control::list(Arguments arguments, std::string cursor) {
  Reply reply;
  const ListFormat format = formatOf(arguments);
  const bool isFirst = cursor.empty();
  const std::vector<Id128> ids = env_.queue.idsAfter(Id128::parse(cursor).value_or(Id128()), kPageMessages, filedFor(arguments));
  const bool isEmpty = env_.queue.messages().empty();
  if (isFirst && !isEmpty) reply.output = listHead(format);
  if (isFirst && isEmpty && format == ListFormat::postfix) reply.output = "Mail queue is empty\n";
  const Filter filter(arguments);
  LocalTimes times;
  bool isFull = false;
  Id128 last;
  const auto each = [&](const Message& message, const MessageView& record) {
    isFull = isFull || reply.output.size() >= kPageOctets;
    if (isFull) return;
    last = message.id;
    if (filter.fits(record)) appendMessage(reply.output, {message, record}, format, times);
  };
  co_await showEach(ids, each, &isFull);
  const bool isLast = !isFull && ids.size() < kPageMessages;
  if (!isLast) {
    reply.next = (isFull ? last : ids.back()).text();
  } else if (!(format == ListFormat::postfix && isEmpty)) {
    reply.output += listFoot(format, env_.queue.octets(), env_.queue.messages().size());
  }
  co_return reply;
}

Task<Result<std::vector<Id128>>> Control::select(Arguments arguments) {
  std::vector<Id128> ids;
  const bool isAll = arguments.has("--all") || (arguments.words.size() == 1 && arguments.words[0] == "ALL");
  if (hasFilter(arguments) || isAll) {
    std::vector<Id128> all = co_await idsOf(filedFor(arguments));
    const bool isEach = !hasFilter(arguments) && !arguments.servers;
    if (isEach) co_return all;
    const Filter filter(arguments);
    const auto each = [&](const Message& message, const MessageView& record) {
      if (filter.fits(record)) ids.push_back(message.id);
    };
    co_await showEach(std::move(all), each);
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

void Control::appendOne(std::string& out, const Message& message, ListFormat format, LocalTimes& times) const {
  Reading reading = env_.queue.reading({&message.id, 1});
  reading.run();
  env_.queue.show(reading, [&](const Message& shown, const MessageView& record) { appendMessage(out, {shown, record}, format, times); });
}

Task<Control::Reply> Control::show(Arguments arguments, std::string) {
  const auto ids = co_await select(arguments);
  if (!ids) co_return refuse(EX_DATAERR, ids.error().detail);
  Reply reply;
  LocalTimes times;
  for (const Id128& id : *ids) {
    const Message* message = env_.queue.find(id);
    if (message == nullptr) continue;
    const ListFormat format = formatOf(arguments);
    appendOne(reply.output, *message, format, times);
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

Task<void> Control::layOnAll(std::string destination, Hold hold) {
  const spool::DestinationRecord record{destination, hold};
  env_.ledger.note(record);
  env_.queue.apply(record);
  dispatcher_.heedHolds();
  if (hold != Hold::none) co_return;
  // What waits for a next hop or a route is in line; what another word stopped is in no schedule.
  if (destination == spool::Queue::kEverything) dispatcher_.resume();
  if (!destination.starts_with(spool::Queue::kSender)) co_return;
  const std::vector<Id128> ids = co_await idsOf(spool::filedBySender(std::string_view(destination).substr(spool::Queue::kSender.size())));
  std::size_t done = 0;
  for (const Id128& id : ids) {
    co_await letOthersIn(done++);
    dispatcher_.wakeSoon(id);
  }
}

Task<Control::Reply> Control::layOn(Arguments arguments, Hold hold) {
  Reply reply;
  const std::string many = arguments.servers ? std::string() : manyOf(arguments);
  if (!many.empty()) {
    co_await layOnAll(many, hold);
    reply.output = "{\"changed\":1}\n";
    co_return reply;
  }
  const auto ids = co_await select(arguments);
  if (!ids) co_return refuse(EX_DATAERR, ids.error().detail);
  std::size_t done = 0;
  for (const Id128& id : *ids) {
    co_await letOthersIn(done++);
    markHold(id, hold);
  }
  reply.output = fmt::format("{{\"changed\":{}}}\n", ids->size());
  co_return reply;
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
  const Message* const message = env_.queue.find(id);
  if (message == nullptr) co_return refuse(EX_NOINPUT, arguments.has("--record") ? "" : "the message has left the queue meanwhile");
  Reply reply;
  if (cursor.empty() && arguments.has("--record")) {
    const Result<MessageRecord> record = env_.queue.read(*message);
    if (!record) co_return refuse(EX_TEMPFAIL, record.error().detail);
    reply.output = fmt::format("{{\"record\":\"{}\"}}\n", encodeBase64(spool::encodeRecord(*record)));
    reply.next = "0";
    co_return reply;
  }
  if (cursor.empty()) {
    LocalTimes times;
    appendOne(reply.output, *message, ListFormat::json, times);
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
    reply.output += fmt::format(R"({{"destination":{},"state":"{}","waiting":{},"running":{},"window":{},"retryAt":{},"reason":{}}})",
                                jsonString(key), nameOf(destination->state(now)), destination->waiting(),
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
  const std::vector<Id128> ids = co_await idsOf({});
  Reply reply;
  for (const Id128& id : ids) {
    if (env_.queue.find(id) == nullptr) continue;
    const auto content = co_await spool::readContent(env_, id, UINT64_MAX);
    const Message* const message = env_.queue.find(id);
    if (message == nullptr) continue;
    const Result<MessageRecord> record = env_.queue.read(*message);
    if (content && record) continue;
    const std::string& why = content ? record.error().detail : content.error().detail;
    ++unreadable;
    if (reply.output.size() < kPageOctets) reply.output += fmt::format("{{\"id\":\"{}\",\"error\":{}}}\n", id.text(), jsonString(why));
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
