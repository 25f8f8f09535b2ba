#include "imapd/fetch/renderer.h"

#include <algorithm>

#include "libmailcore/message/header.h"

#include "imapd/grammar/write.h"

namespace ostler::imap {
namespace {

using ItemKind = FetchItem::Kind;
using Text = message::Section::Text;
using message::Structure;
using message::Window;

constexpr std::size_t kEnough = 256U << 10;        // octets of text to stop at
constexpr std::uint64_t kInsertAbove = 64U << 10;  // longer runs of content are read when they are sent

// The part of `range` that a partial asks for.
message::Range clip(message::Range range, const std::optional<Partial>& partial) {
  if (!partial) return range;
  const std::uint64_t skip = std::min(partial->first, range.length);
  return {range.offset + skip, std::min(partial->count, range.length - skip)};
}

store::Columns columnsFor(const std::vector<FetchItem>& items) {
  store::Columns columns;
  for (const FetchItem& item : items) {
    switch (item.kind) {
      case ItemKind::internalDate:
      case ItemKind::rfc822Size:
      case ItemKind::emailId:
      case ItemKind::threadId:
      case ItemKind::saveDate:
        columns.dates = true;
        break;
      case ItemKind::envelope:
        columns.envelope = true;
        break;
      case ItemKind::body:
      case ItemKind::bodyStructure:
        columns.structure = true;
        break;
      case ItemKind::section:
      case ItemKind::binary:
      case ItemKind::binarySize:
        columns.content = true;
        break;
      case ItemKind::uid:
      case ItemKind::flags:
      case ItemKind::modSeq:
        break;
    }
  }
  return columns;
}

FetchItem itemOf(ItemKind kind) {
  FetchItem item;
  item.kind = kind;
  return item;
}

}  // namespace

FetchPlan::FetchPlan(FetchArguments arguments, Addressing addressing, Seen whenRead, bool modSeq)
    : items(std::move(arguments.items)), changedSince(arguments.changedSince), seen(whenRead) {
  // UID first: that is where clients look for it. RFC 9051 6.4.9.
  const bool uid =
      addressing == Addressing::uid || arguments.has(ItemKind::uid) ||
      std::any_of(items.begin(), items.end(), [](const FetchItem& item) { return item.kind == ItemKind::uid; });
  std::erase_if(items, [](const FetchItem& item) { return item.kind == ItemKind::uid; });
  if (uid) items.insert(items.begin(), itemOf(ItemKind::uid));
  if (modSeq &&
      std::none_of(items.begin(), items.end(), [](const FetchItem& item) { return item.kind == ItemKind::modSeq; })) {
    items.push_back(itemOf(ItemKind::modSeq));
  }
  columns = columnsFor(items);
}

void FetchVisitor::begin(const store::MailboxInfo& mailbox) {
  keywords_ = mailbox.keywords;
  flagsBits_.reset();
  cursor_ = Numbers::Cursor(numbers_);
  output_.text.clear();
  output_.inserts.clear();
  madeSeen_ = UidSet();
  failure_.reset();
  stopped_ = false;
  unknownEncoding_ = false;
  rendered_ = 0;
}

bool FetchVisitor::row(const store::MessageRow& row) {
  lastUid_ = row.uid;
  const auto number = cursor_.number(row.uid);
  if (!number || (plan_->changedSince && row.modSeq <= *plan_->changedSince)) return true;
  ++rendered_;
  if (row.content) content_.open(row.content);
  const bool becomesSeen = plan_->seen != FetchPlan::Seen::leave && (row.flags.bits & store::Flags::kSeen) == 0;
  store::MessageRow shown = row;
  if (becomesSeen) {
    madeSeen_.add(row.uid);
    shown.flags.bits |= store::Flags::kSeen;
  }
  std::string& out = output_.text;
  out += "* ";
  appendNumber(out, number->value);
  out += " FETCH (";
  bool first = true;
  bool toldFlags = false;
  for (const FetchItem& wanted : plan_->items) {
    if (!first) out += ' ';
    first = false;
    item(wanted, shown);
    toldFlags = toldFlags || wanted.kind == ItemKind::flags;
  }
  if (becomesSeen && !toldFlags && plan_->seen == FetchPlan::Seen::setAndTell) {
    out += ' ';
    flags(shown.flags);
  }
  out += ")\r\n";
  stopped_ = out.size() >= kEnough || output_.inserts.size() >= 64 || failure_.has_value();
  return !stopped_;
}

void FetchVisitor::item(const FetchItem& item, const store::MessageRow& row) {
  std::string& out = output_.text;
  switch (item.kind) {
    case ItemKind::uid:
      out += "UID ";
      appendNumber(out, row.uid.value);
      break;
    case ItemKind::flags:
      flags(row.flags);
      break;
    case ItemKind::internalDate:
      out += "INTERNALDATE ";
      appendDateTime(out, row.internalDate);
      break;
    case ItemKind::rfc822Size:
      out += "RFC822.SIZE ";
      appendNumber(out, row.size);
      break;
    case ItemKind::envelope:
      out += "ENVELOPE ";
      out += row.envelope;
      break;
    case ItemKind::body:
      out += "BODY ";
      out += row.body;
      break;
    case ItemKind::bodyStructure:
      out += "BODYSTRUCTURE ";
      out += row.bodyStructure;
      break;
    case ItemKind::modSeq:
      out += "MODSEQ (";
      appendNumber(out, row.modSeq);
      out += ')';
      break;
    case ItemKind::emailId:
      out += "EMAILID (";
      appendObjectId(out, 'M', row.emailId);
      out += ')';
      break;
    case ItemKind::threadId:
      if (row.threadId.isNull()) {
        out += "THREADID NIL";
        break;
      }
      out += "THREADID (";
      appendObjectId(out, 'T', row.threadId);
      out += ')';
      break;
    case ItemKind::saveDate:
      out += "SAVEDATE ";
      appendDateTime(out, row.saveDate);
      break;
    case ItemKind::section:
      section(item);
      break;
    case ItemKind::binary:
      binary(item);
      break;
    case ItemKind::binarySize:
      binarySize(item);
      break;
  }
}

void FetchVisitor::flags(store::Flags flags) {
  if (flagsBits_ != flags) {
    flagsBits_ = flags;
    flagsText_ = "FLAGS (";
    appendFlags(flagsText_, flags, keywords_);
    flagsText_ += ')';
  }
  output_.text += flagsText_;
}

// Reads as little as it can: BODY[] nothing but what is sent, a header no body, and only parts the whole message, a stretch at a time.
void FetchVisitor::section(const FetchItem& item) {
  const message::Section& wanted = item.section;
  if (wanted.part.empty() && wanted.text == Text::whole) return octets(item, {0, content_.size()});
  if (wanted.part.empty()) {
    const Result<std::string_view> head = content_.head();
    if (!head) return broken(head.error());
    const std::uint64_t headerLength = message::HeaderView(*head).length();
    if (wanted.text == Text::text) return octets(item, {headerLength, content_.size() - headerLength});
    if (wanted.text == Text::header) return octets(item, {0, headerLength});
    return literal(item,
                   message::selectFields(head->substr(0, static_cast<std::size_t>(headerLength)), wanted.fields,
                                         wanted.text == Text::headerFields),
                   "{");
  }
  const auto found = content_.parts([&](const Structure& structure, Window& octets) { return message::findSection(structure, octets, wanted); });
  if (!found) return broken(found.error());
  if (!*found) {
    output_.text += item.label;
    output_.text += " NIL";
  } else if ((*found)->range) {
    octets(item, *(*found)->range);
  } else {
    literal(item, (*found)->text, "{");
  }
}

// RFC 9051 6.4.5.1: literal8 where there is a NUL.
void FetchVisitor::binary(const FetchItem& item) {
  const auto read =
      content_.parts([&](const Structure& structure, Window& octets) { return message::decodeSection(structure, octets, item.section.part); });
  if (!read) return broken(read.error());
  const Result<std::string>& decoded = *read;
  if (!decoded) {
    unknownEncoding_ = unknownEncoding_ || decoded.error().kind == Error::Kind::permanent;
    output_.text += item.label;
    output_.text += " NIL";
    return;
  }
  literal(item, *decoded, decoded->find('\0') == std::string::npos ? "{" : "~{");
}

void FetchVisitor::binarySize(const FetchItem& item) {
  const auto read =
      content_.parts([&](const Structure& structure, Window& octets) { return message::decodedSize(structure, octets, item.section.part); });
  if (!read) return broken(read.error());
  const Result<std::uint64_t>& size = *read;
  unknownEncoding_ = unknownEncoding_ || (!size && size.error().kind == Error::Kind::permanent);
  output_.text += item.label;
  output_.text += ' ';
  appendNumber(output_.text, size.value_or(0));
}

void FetchVisitor::octets(const FetchItem& item, message::Range range) {
  std::string& out = output_.text;
  const message::Range sent = clip(range, item.partial);
  out += item.label;
  out += " {";
  appendNumber(out, sent.length);
  out += "}\r\n";
  if (sent.length > kInsertAbove) {
    output_.inserts.push_back({out.size(), content_.source(), sent});
    return;
  }
  const Result<void> read = content_.append(out, sent);
  if (!read) broken(read.error());
}

void FetchVisitor::literal(const FetchItem& item, std::string_view text, std::string_view open) {
  std::string& out = output_.text;
  const message::Range sent = clip({0, text.size()}, item.partial);
  out += item.label;
  out += ' ';
  out += open;
  appendNumber(out, sent.length);
  out += "}\r\n";
  out += message::octetsOf(text, sent);
}

void FetchVisitor::broken(const Error& error) {
  if (!failure_) failure_ = error;
}

}  // namespace ostler::imap
