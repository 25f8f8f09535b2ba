// look_commands.cc - why a message is where it is (`ostler why`), and how old the queue is (`ostler queue ages`).
#include <fmt/format.h>
#include <sysexits.h>

#include <algorithm>
#include <array>
#include <map>
#include <span>

#include "libmailcore/base/ascii.h"
#include "queued/control/control.h"
#include "queued/control/listing.h"
#include "queued/spool/history.h"

namespace ostler::control {

namespace {

using spool::Message;
using spool::MessageRecord;

std::string momentOf(WallTime time) {
  const std::int64_t millis = toUnixMillis(time);
  const std::time_t seconds = millis / 1000;
  std::tm broken{};
  ::localtime_r(&seconds, &broken);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &broken);
  return fmt::format("{}.{:03}", std::string_view(text, length), millis % 1000);
}

/// The last events of a message that has more than a page of them: a mailing to very many, most often.
std::size_t firstShown(const std::vector<spool::History::Event>& events) {
  constexpr std::size_t kAround = 48;  // the time, and JSON's keys
  std::size_t octets = 0;
  std::size_t first = events.size();
  while (first > 0 && octets < kPageOctets / 2) octets += 2 * events[--first].text.size() + kAround;
  return first;
}

/// Minutes of age; the last column holds what is older. As qshape has them.
constexpr std::array<unsigned, 9> kAges = {5, 10, 20, 40, 80, 160, 320, 640, 1280};
using Ages = std::array<std::uint64_t, kAges.size() + 1>;

std::size_t columnOf(std::chrono::minutes age) {
  std::size_t at = 0;
  while (at < kAges.size() && age.count() >= kAges[at]) ++at;
  return at;
}

std::string row(std::string_view name, const Ages& ages) {
  std::uint64_t total = 0;
  for (const std::uint64_t count : ages) total += count;
  std::string line = fmt::format("{:>40} {:>7}", name, total);
  for (const std::uint64_t count : ages) line += fmt::format(" {:>5}", count);
  return line + "\n";
}

/// As the lists show it.
std::string writtenDomain(std::string_view path) {
  const std::size_t at = path.rfind('@');
  return at == std::string_view::npos ? std::string() : asciiLower(path.substr(at + 1));
}

std::string jsonRow(std::string_view name, const Ages& ages) {
  std::string line = fmt::format("{{\"domain\":{},\"ages\":[", jsonString(name));
  for (std::size_t at = 0; at < ages.size(); ++at) line += fmt::format("{}{}", at == 0 ? "" : ",", ages[at]);
  return line + "]}\n";
}

}  // namespace

/// A message to very many recipients has several pages: of the others than the first, `cursor` is the recipient to begin with.
Task<Control::Reply> Control::why(Arguments arguments, std::string cursor) {
  const auto id = arguments.words.size() == 1 ? Id128::parse(arguments.words[0]) : std::nullopt;
  Reply reply;
  if (!id) {
    reply.exitCode = EX_USAGE;
    reply.error = "name one queue id";
    co_return reply;
  }
  const bool json = arguments.has("--json");
  if (!cursor.empty()) {
    appendWaits(reply, *id, json, parseDecimal(cursor, UINT32_MAX).value_or(0));
    co_return reply;
  }
  using Events = std::vector<spool::History::Event>;
  auto job = [lookUp = env_.history.lookUp(*id, env_.now())]() -> Result<Events> { return lookUp(); };
  const Result<Events> found = co_await env_.disk.run(env_.loop, std::move(job));
  const Events events = found.value_or(Events());
  const std::size_t first = firstShown(events);
  if (first > 0) reply.output += json ? fmt::format("{{\"earlier\":{}}}\n", first) : fmt::format("... {} earlier events, in queue/history/\n", first);
  for (const spool::History::Event& event : std::span(events).subspan(first)) {
    reply.output += json ? fmt::format("{{\"at\":{},\"event\":{}}}\n", toUnixMillis(event.at), jsonString(event.text))
                         : fmt::format("{}  {}\n", momentOf(event.at), event.text);
  }
  const Message* const message = env_.queue.find(*id);
  if (message == nullptr && events.empty()) {
    reply.exitCode = EX_NOINPUT;
    reply.error = fmt::format("nothing is known of {}: it is not in the queue, and queue.history keeps {} days", id->text(),
                              env_.config->queue.history.count() / 86'400);
    co_return reply;
  }
  if (message == nullptr) {
    if (!json) reply.output += "It has left the queue.\n";
    co_return reply;
  }
  appendWaits(reply, *id, json, 0);
  co_return reply;
}

/// What its recipients from `first` on wait for, and in the end what was said in the last attempts.
void Control::appendWaits(Reply& reply, const Id128& id, bool json, std::uint64_t first) const {
  const Message* const message = env_.queue.find(id);
  if (message == nullptr) return;
  const Result<MessageRecord> readable = env_.queue.read(*message);
  if (!readable) {
    reply.output += json ? fmt::format("{{\"damaged\":true,\"waits\":\"{}\"}}\n", kRecordLost) : fmt::format("now: {}\n", kRecordLost);
    return;
  }
  const MessageRecord& record = *readable;
  for (std::uint64_t at = first; at < record.recipients.size(); ++at) {
    if (record.recipients[at].state != spool::RecipientState::pending) continue;
    if (reply.output.size() >= kPageOctets) {
      reply.next = std::to_string(at);
      return;
    }
    const std::string& to = record.recipients[at].recipient.forwardPath;
    const std::string reason = dispatcher_.waitReason(*message, record, static_cast<std::uint32_t>(at));
    reply.output += json ? fmt::format("{{\"to\":{},\"waits\":{}}}\n", jsonString(to), jsonString(reason))
                         : fmt::format("now: <{}> {}\n", printable(to), reason);
  }
  appendTranscripts(reply.output, env_.queue.transcriptsOf(id), json ? ListFormat::json : ListFormat::text);
}

/// For a backup: what was noted of messages until now is in the files. Answers nothing.
Task<Control::Reply> Control::writeHistory(Arguments, std::string) {
  auto job = [writeDown = env_.history.writeDown()]() -> Result<void> {
    writeDown();
    return {};
  };
  const Result<void> done = co_await env_.disk.run(env_.loop, std::move(job));
  if (!done) co_return refuse(EX_TEMPFAIL, done.error().detail);
  co_return Reply();
}

/// Recipients that wait, by domain and minutes of age; the fullest domains first.
Task<Control::Reply> Control::ages(Arguments arguments, std::string) {
  struct Domain {
    std::string written;  ///< as a sender wrote it first, which may be in U-labels
    Ages ages{};
  };
  std::map<std::string, Domain> byDomain;
  Ages all{};
  const WallTime now = env_.now();
  const bool bySender = arguments.has("--senders");
  const auto each = [&](const spool::Message& message, const spool::MessageView& record) {
    const std::size_t column = columnOf(std::chrono::duration_cast<std::chrono::minutes>(now - message.arrived));
    for (const spool::RecipientView& recipient : record.recipients) {
      if (recipient.state != spool::RecipientState::pending) continue;
      const std::string_view path = bySender ? record.reversePath : recipient.forwardPath;
      Domain& domain = byDomain[route::domainOf(path)];
      if (domain.written.empty()) domain.written = writtenDomain(path);
      ++domain.ages[column];
      ++all[column];
    }
  };
  std::vector<Id128> ids = co_await idsOf({});
  co_await showEach(std::move(ids), each);
  std::vector<std::pair<std::uint64_t, std::string>> order;
  for (const auto& [name, domain] : byDomain) {
    std::uint64_t total = 0;
    for (const std::uint64_t count : domain.ages) total += count;
    order.emplace_back(total, name);
  }
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  constexpr std::size_t kMost = 200;
  if (order.size() > kMost) order.resize(kMost);
  Reply reply;
  const bool json = arguments.has("--json");
  if (!json) {
    reply.output = fmt::format("{:>40} {:>7}", "", "T");
    for (const unsigned minutes : kAges) reply.output += fmt::format(" {:>5}", minutes);
    reply.output += fmt::format(" {:>4}+\n", kAges.back());
    reply.output += row("TOTAL", all);
  }
  for (const auto& [total, name] : order) {
    const Domain& domain = byDomain[name];
    reply.output += json ? jsonRow(domain.written, domain.ages) : row(name.empty() ? "MAILER-DAEMON" : domain.written, domain.ages);
  }
  co_return reply;
}

}  // namespace ostler::control
