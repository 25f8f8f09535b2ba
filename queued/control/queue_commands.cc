// queue_commands.cc - what `ostler queue`, postqueue and postsuper do with the spool's queue. How it is shown: list_commands.cc.
#include <fmt/format.h>
#include <sysexits.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"
#include "queued/control/control.h"
#include "queued/control/filter.h"
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

constexpr std::size_t kReadAtOnce = 500;    ///< records, between two turns of the loop
constexpr std::size_t kIdsAtOnce = 10'000;  ///< between two turns of the loop
constexpr std::size_t kChangesAhead = 40'000;

/// Senders, routes and destinations to lay a hold on, for mail that comes later, too; empty when messages are meant.
std::string manyOf(const Arguments& arguments) {
  for (const auto& [option, prefix] : {std::pair{"--sender", spool::Queue::kSender}, {"--route", spool::Queue::kRoute}}) {
    if (!arguments.value(option).empty()) return std::string(prefix) + comparableAddress(arguments.value(option));
  }
  const std::string destination = arguments.value("--destination");
  if (!destination.empty()) return destination.find(':') != std::string::npos ? destination : std::string(spool::Queue::kDomain) + comparableDomain(destination);
  return arguments.has("--all") ? std::string(spool::Queue::kEverything) : std::string();
}

bool hasFilter(const Arguments& arguments) {
  return !arguments.value("--sender").empty() || !arguments.value("--recipient").empty() || !arguments.value("--destination").empty();
}

/// Postfix's queues that a command is limited to (`postsuper -d ALL deferred`). Those that we have none of are empty.
struct Queues {
  std::vector<std::string> names;  ///< empty: all

  [[nodiscard]] static Result<Queues> named(const std::string& value) {
    static constexpr std::array kNames = {"hold", "incoming", "active", "deferred", "maildrop", "corrupt"};
    Queues queues;
    if (value.empty()) return queues;
    for (const std::string_view name : split(value, ',')) {
      if (std::ranges::find(kNames, name) == kNames.end()) return fail(Error::Kind::syntax, "there is no queue '" + printable(name, 60) + "'");
      queues.names.emplace_back(name);
    }
    return queues;
  }
  [[nodiscard]] bool have(const Message& message) const { return names.empty() || std::ranges::find(names, postfixQueueOf(message)) != names.end(); }
};

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
  Id128 last;
  while (true) {
    const std::vector<Id128> page = env_.queue.idsAfter(last, kIdsAtOnce, filed);
    // What has ended is known by its id until the schedule index has forgotten it.
    std::ranges::copy_if(page, std::back_inserter(all), [this](const Id128& id) { return env_.queue.find(id) != nullptr; });
    if (page.size() < kIdsAtOnce) co_return all;
    last = page.back();
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

Task<Result<std::vector<Id128>>> Control::select(Arguments arguments) {
  std::vector<Id128> ids;
  for (const auto& [option, value] : arguments.values) {
    const bool isFilter = option == "--sender" || option == "--recipient" || option == "--destination";
    if ((isFilter || option == "--queue") && value.empty()) co_return fail(Error::Kind::syntax, option + " is empty");
  }
  const Result<Queues> queues = Queues::named(arguments.value("--queue"));
  if (!queues) co_return fail(queues.error());
  const bool isAll = arguments.has("--all") || (arguments.words.size() == 1 && arguments.words[0] == "ALL");
  if (hasFilter(arguments) || isAll) {
    std::vector<Id128> all = co_await idsOf(filedFor(arguments));
    std::erase_if(all, [&](const Id128& id) {
      const Message* const message = env_.queue.find(id);
      return message == nullptr || !queues->have(*message);
    });
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
    if (!isTheirs || !queues->have(*message)) co_return fail(Error::Kind::notFound, fmt::format("there is no message {} in the queue", word));
    ids.push_back(*id);
  }
  co_return ids;
}

Task<std::set<Id128>> Control::heldBack(std::vector<Id128> among) {
  const WallTime now = env_.now();
  const auto mayBe = [now](const spool::RecipientNow& one) { return one.isIdle() && one.attempts == 0 && one.due > now; };
  std::erase_if(among, [&](const Id128& id) {
    const Message* const message = env_.queue.find(id);
    return message == nullptr || std::ranges::none_of(message->recipients, mayBe);
  });
  std::set<Id128> held;
  const auto each = [&](const Message& message, const MessageView& record) {
    const auto isHeld = [&](const spool::RecipientNow& one) { return mayBe(one) && spool::isHeldBack(record.handling.holdUntil, one.attempts, one.due); };
    if (std::ranges::any_of(message.recipients, isHeld)) held.insert(message.id);
  };
  if (!among.empty()) co_await showEach(std::move(among), each);
  co_return held;
}

Task<Control::Reply> Control::retry(Arguments arguments, std::string) {
  const auto ids = co_await select(arguments);
  if (!ids) co_return refuse(EX_DATAERR, ids.error().detail);
  std::set<Id128> held;
  if (!arguments.has("--release-now")) held = co_await heldBack(*ids);
  const auto heldWord = std::ranges::find_if(arguments.words, [&](const std::string& word) {
    const auto id = Id128::parse(word);
    return id && held.contains(*id);
  });
  if (heldWord != arguments.words.end() && !hasFilter(arguments)) {
    co_return refuse(EX_DATAERR, fmt::format("{0} is held until a later time, as its sender asked (RFC 4865); ostler queue retry {0} --release-now sends it now", *heldWord));
  }
  for (const std::string& word : arguments.words) {
    const auto id = Id128::parse(word);
    const Message* const named = id ? env_.queue.find(*id) : nullptr;
    if (named != nullptr && !env_.queue.read(*named)) co_return refuse(EX_DATAERR, fmt::format("{}: {}", word, kRecordLost));
  }
  if (!arguments.servers) {
    for (const auto& [key, destination] : env_.scheduler.destinations()) destination->retryNow();
  }
  std::size_t done = 0;
  for (const Id128& id : *ids) {
    if (held.contains(id)) continue;
    co_await letOthersIn(done++);
    dispatcher_.tryNow(id);
  }
  Reply reply;
  const std::string beside = held.empty() ? std::string() : fmt::format(",\"held\":{}", held.size());
  reply.output = fmt::format("{{\"retried\":{}{}}}\n", ids->size() - held.size(), beside);
  co_return reply;
}

void Control::markHold(const Id128& id, Hold hold) {
  MarkRecord mark;
  mark.id = id;
  mark.hold = hold;
  env_.note(mark);
  if (hold == Hold::none) dispatcher_.wakeSoon(id);
}

Task<void> Control::layOnAll(std::string destination, Hold hold) {
  const spool::DestinationRecord record{destination, hold};
  env_.note(record);
  if (hold == Hold::none && destination.starts_with(spool::Queue::kDomain)) dispatcher_.letGo(destination);
  dispatcher_.heedHolds();
  if (destination == spool::Queue::kEverything) dispatcher_.resume();
  if (hold != Hold::none) co_return;
  // What waits for a next hop or a route is in line; what another word stopped is in the schedule for its time alone.
  if (destination == spool::Queue::kEverything) dispatcher_.resumeAll();
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
  const bool isSome = arguments.servers || !arguments.value("--queue").empty();
  const std::string many = isSome ? std::string() : manyOf(arguments);
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
