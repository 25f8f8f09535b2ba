// list_commands.cc - the queue as it is shown: list, show, export (mailq, postqueue, postcat). Page by page, and a message to very many
// recipients is cut between two of them: a reply must fit into a frame.
#include <fmt/format.h>
#include <sysexits.h>

#include <algorithm>
#include <utility>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"
#include "libmailcore/base/crc32c.h"
#include "libmailcore/journal/record.h"
#include "queued/control/control.h"
#include "queued/control/filter.h"
#include "queued/control/listing.h"
#include "queued/spool/contents.h"

namespace ostler::control {

namespace {

using spool::Message;
using spool::MessageRecord;
using spool::MessageView;

constexpr std::size_t kPageMessages = 6000;
constexpr std::size_t kTranscriptsMost = 20;  ///< messages shown with what was said about them
constexpr std::size_t kExportPage = 256 * 1024;

/// Where a page ended: behind a message, or in it, before that recipient.
struct PagePlace {
  Id128 id;
  std::size_t recipient = 0;

  [[nodiscard]] bool isInside() const { return recipient != 0; }
  [[nodiscard]] std::string text() const { return isInside() ? fmt::format("{}:{}", id.text(), recipient) : id.text(); }
  [[nodiscard]] static PagePlace parse(std::string_view cursor) {
    const std::size_t colon = std::min(cursor.find(':'), cursor.size());
    PagePlace place;
    place.id = Id128::parse(cursor.substr(0, colon)).value_or(Id128());
    if (colon < cursor.size()) place.recipient = parseDecimal(cursor.substr(colon + 1)).value_or(0);
    return place;
  }
};

/// Messages on their way into one page.
class ListPage {
 public:
  ListPage(std::string& out, ListFormat format, const PagePlace& from, spool::LineReasons lines)
      : out_(out), format_(format), from_(from), last_{from.id, 0}, lines_(std::move(lines)) {}

  /// REQUIRES: not full. What the page before it began goes first, if it is there still.
  void add(const Message& message, const MessageView& record) {
    const std::size_t first = from_.isInside() && message.id == from_.id ? from_.recipient : 0;
    if (first == 0) endOpen();
    from_.recipient = 0;
    const std::optional<std::size_t> rest = appendMessage(out_, {message, record, lines_}, format_, times_, first, kPageOctets);
    last_ = {message.id, rest.value_or(0)};
  }
  void passOver(const Id128& id) { last_ = {id, 0}; }
  /// A message of which the last page had the beginning has left the queue since.
  void endOpen() {
    if (std::exchange(from_.recipient, 0) != 0) out_ += messageFoot(format_);
    last_.recipient = 0;
  }
  [[nodiscard]] bool begins(const Id128& id) const { return from_.isInside() && id == from_.id; }
  [[nodiscard]] bool isFull() const { return last_.isInside() || out_.size() >= kPageOctets; }
  [[nodiscard]] const PagePlace& end() const { return last_; }

 private:
  std::string& out_;
  ListFormat format_;
  PagePlace from_;
  PagePlace last_;
  spool::LineReasons lines_;
  LocalTimes times_;
};

/// A part of a record that a backup copies, in base64 between quotes. The next part is of the same record, or none.
struct RecordPart {
  std::uint64_t offset = 0;
  std::uint32_t checksum = 0;
  static constexpr std::string_view kWord = "record:";

  [[nodiscard]] std::string text() const { return fmt::format("{}{}:{}", kWord, offset, checksum); }
  [[nodiscard]] static std::optional<RecordPart> parse(std::string_view cursor) {
    if (!cursor.starts_with(kWord)) return std::nullopt;
    cursor.remove_prefix(kWord.size());
    const std::size_t colon = std::min(cursor.find(':'), cursor.size());
    const auto offset = parseDecimal(cursor.substr(0, colon));
    const auto checksum = parseDecimal(cursor.substr(std::min(colon + 1, cursor.size())), UINT32_MAX);
    if (!offset || !checksum) return std::nullopt;
    return RecordPart{*offset, static_cast<std::uint32_t>(*checksum)};
  }
};

}  // namespace

Task<Control::Reply> Control::list(Arguments arguments, std::string cursor) {
  Reply reply;
  const ListFormat format = formatOf(arguments);
  const bool isFirst = cursor.empty();
  const PagePlace from = PagePlace::parse(cursor);
  std::vector<Id128> ids = env_.queue.idsAfter(from.id, kPageMessages, filedFor(arguments));
  const bool isAll = ids.size() < kPageMessages;
  if (from.isInside()) ids.insert(ids.begin(), from.id);
  const bool isEmpty = env_.queue.messages().empty();
  if (isFirst && !isEmpty) reply.output = listHead(format);
  if (isFirst && isEmpty && format == ListFormat::postfix) reply.output = "Mail queue is empty\n";
  const Filter filter(arguments);
  ListPage page(reply.output, format, from, dispatcher_.lineReasons());
  bool isFull = false;
  const auto each = [&](const Message& message, const MessageView& record) {
    if (isFull) return;
    if (page.begins(message.id) || filter.fits(record)) {
      page.add(message, record);
    } else {
      page.passOver(message.id);
    }
    isFull = page.isFull();
  };
  if (!ids.empty()) co_await showEach(ids, each, &isFull);
  if (!isFull) page.endOpen();
  if (isFull || !isAll) {
    reply.next = isFull ? page.end().text() : ids.back().text();
  } else if (arguments.servers) {  // how much others have is not theirs to know
    const bool isNothing = isFirst && !isEmpty && reply.output == listHead(format);
    if (isNothing) reply.output = format == ListFormat::postfix ? "Mail queue is empty\n" : listFoot(format, 0, 0);
  } else if (!(format == ListFormat::postfix && isEmpty)) {
    reply.output += listFoot(format, env_.queue.octets(), env_.queue.messages().size());
  }
  co_return reply;
}

Task<Control::Reply> Control::show(Arguments arguments, std::string cursor) {
  const auto ids = co_await select(arguments);
  if (!ids) co_return refuse(EX_DATAERR, ids.error().detail);
  Reply reply;
  const ListFormat format = formatOf(arguments);
  const bool isOurs = format == ListFormat::text || format == ListFormat::json;
  const PagePlace from = PagePlace::parse(cursor);
  auto next = std::find(ids->begin(), ids->end(), from.id);
  if (next == ids->end()) next = std::find_if(ids->begin(), ids->end(), [&from](const Id128& id) { return id > from.id; });
  if (next != ids->end() && *next == from.id && !from.isInside()) ++next;
  ListPage page(reply.output, format, from, dispatcher_.lineReasons());
  const auto each = [&page](const Message& message, const MessageView& record) { page.add(message, record); };
  for (; next != ids->end() && !page.isFull(); ++next) {
    std::vector<Id128> one = {*next};
    co_await showEach(std::move(one), each);
    if (page.end().id != *next || page.end().isInside()) continue;
    if (isOurs && ids->size() <= kTranscriptsMost) appendTranscripts(reply.output, env_.queue.transcriptsOf(*next), format);
  }
  if (!page.isFull()) page.endOpen();
  const bool isLast = next == ids->end() && !page.end().isInside();
  if (!isLast) reply.next = page.end().text();
  co_return reply;
}

/// First pages: the envelope; then the content, base64, 256 KiB each.
/// With --record, for a backup: the message's record as it stands now, in front of its content. Who is gone was delivered: no complaint.
Task<Control::Reply> Control::exportContent(Arguments arguments, std::string cursor) {
  const auto ids = co_await select(arguments);
  if (!ids && arguments.has("--record")) co_return refuse(EX_NOINPUT, "");
  if (!ids || ids->size() != 1) co_return refuse(EX_DATAERR, ids ? "one message at a time" : ids.error().detail);
  const Id128 id = ids->front();
  const Message* const message = env_.queue.find(id);
  if (message == nullptr) co_return refuse(EX_NOINPUT, arguments.has("--record") ? "" : "the message has left the queue meanwhile");
  const bool isContent = parseDecimal(cursor).has_value();
  if (!isContent && arguments.has("--record")) co_return exportRecord(*message, cursor);
  Reply reply;
  if (!isContent) {
    ListPage page(reply.output, ListFormat::json, PagePlace::parse(cursor), dispatcher_.lineReasons());
    std::vector<Id128> one = {id};
    co_await showEach(std::move(one), [&page](const Message& shown, const MessageView& record) { page.add(shown, record); });
    reply.next = page.end().isInside() ? page.end().text() : "0";
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

/// One line, on several pages when there are many recipients.
Control::Reply Control::exportRecord(const Message& message, std::string_view cursor) const {
  constexpr std::size_t kPart = kExportPage / 3 * 3;  // base64 without padding in the middle
  const Result<MessageRecord> record = env_.queue.read(message);
  if (!record) return refuse(EX_TEMPFAIL, record.error().detail);
  const std::string octets = spool::encodeRecord(*record);
  const std::uint32_t checksum = crc32c(octets);
  const RecordPart from = RecordPart::parse(cursor).value_or(RecordPart{0, checksum});
  if (from.checksum != checksum) return refuse(EX_TEMPFAIL, "the message has changed while its recipients were copied: " + message.id.text());
  const std::string_view part = std::string_view(octets).substr(std::min<std::uint64_t>(from.offset, octets.size()), kPart);
  const bool isLast = from.offset + part.size() >= octets.size();
  Reply reply;
  reply.output = fmt::format("{}{}{}", from.offset == 0 ? R"({"record":")" : "", encodeBase64(part), isLast ? "\"}\n" : "");
  reply.next = isLast ? "0" : RecordPart{from.offset + part.size(), checksum}.text();
  return reply;
}

}  // namespace ostler::control
