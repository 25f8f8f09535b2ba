#include "imapd/grammar/fetch_items.h"

#include <algorithm>
#include <array>

#include "imapd/grammar/write.h"

namespace ostler::imap {
namespace {

using ItemKind = FetchItem::Kind;
using Text = message::Section::Text;

constexpr std::size_t kMaxItems = 200;
constexpr std::size_t kMaxPartDepth = 1'000;

// Items that are one word. Those with brackets (BODY, BINARY) come after these.
struct Word {
  std::string_view name;
  ItemKind kind;
};
constexpr std::array kWords = {Word{"UID", ItemKind::uid},
                               Word{"FLAGS", ItemKind::flags},
                               Word{"INTERNALDATE", ItemKind::internalDate},
                               Word{"RFC822.SIZE", ItemKind::rfc822Size},
                               Word{"ENVELOPE", ItemKind::envelope},
                               Word{"BODYSTRUCTURE", ItemKind::bodyStructure},
                               Word{"MODSEQ", ItemKind::modSeq},
                               Word{"EMAILID", ItemKind::emailId},
                               Word{"THREADID", ItemKind::threadId},
                               Word{"SAVEDATE", ItemKind::saveDate}};

FetchItem simple(ItemKind kind) {
  FetchItem item;
  item.kind = kind;
  item.peek = true;
  return item;
}

FetchItem rfc822(std::string_view label, Text text, bool peek) {
  FetchItem item;
  item.kind = ItemKind::section;
  item.section.text = text;
  item.label = label;
  item.peek = peek;
  return item;
}

// section-part = nz-number *("." nz-number); a text specifier may follow behind a dot.
void readPart(Reader& in, message::Section& section) {
  if (in.peek() < '0' || in.peek() > '9') return;
  do {
    section.part.push_back(in.nonZeroNumber());
    if (section.part.size() > kMaxPartDepth) in.fail("Part number is too deep", Error::Kind::limit);
    if (!in.accept('.')) return;
  } while (in.peek() >= '0' && in.peek() <= '9');
  if (in.peek() == ']') in.fail("Section ends in a dot");
}

void readHeaderNames(Reader& in, message::Section& section) {
  in.space();
  in.expect('(');
  do {
    section.fields.push_back(in.astring());
  } while (in.accept(' '));
  in.expect(')');
}

// section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"; section-text adds "MIME" behind a part
// number.
void readSectionText(Reader& in, message::Section& section) {
  if (in.peek() == ']') return;
  if (in.acceptPrefix("HEADER.FIELDS.NOT")) {
    section.text = Text::headerFieldsNot;
    readHeaderNames(in, section);
  } else if (in.acceptPrefix("HEADER.FIELDS")) {
    section.text = Text::headerFields;
    readHeaderNames(in, section);
  } else if (in.acceptPrefix("HEADER")) {
    section.text = Text::header;
  } else if (in.acceptPrefix("TEXT")) {
    section.text = Text::text;
  } else if (!section.part.empty() && in.acceptPrefix("MIME")) {
    section.text = Text::mime;
  } else {
    in.fail("Unknown section");
  }
}

std::string sectionLabel(const message::Section& section) {
  std::string label;
  for (const std::uint32_t number : section.part) {
    if (!label.empty()) label += '.';
    appendNumber(label, number);
  }
  if (!label.empty() && section.text != Text::whole) label += '.';
  static constexpr std::array<std::string_view, 6> kNames = {"",     "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT",
                                                             "TEXT", "MIME"};
  label += kNames[static_cast<std::size_t>(section.text)];
  if (section.fields.empty()) return label;
  label += " (";
  for (const std::string& field : section.fields) {
    if (!label.ends_with('(')) label += ' ';
    appendAstring(label, field);
  }
  label += ')';
  return label;
}

// partial = "<" number64 "." nz-number64 ">"
void readPartial(Reader& in, FetchItem& item) {
  if (!in.accept('<')) return;
  Partial partial;
  partial.first = in.number64();
  in.expect('.');
  partial.count = in.number64();
  if (partial.count == 0) in.fail("A partial of no octets");
  in.expect('>');
  item.partial = partial;
  item.label += '<';
  appendNumber(item.label, partial.first);
  item.label += '>';
}

FetchItem readBodySection(Reader& in, bool peek) {
  FetchItem item = simple(ItemKind::section);
  item.peek = peek;
  readPart(in, item.section);
  readSectionText(in, item.section);
  in.expect(']');
  item.label = "BODY[" + sectionLabel(item.section) + "]";
  readPartial(in, item);
  return item;
}

FetchItem readBinarySection(Reader& in, ItemKind kind, bool peek) {
  FetchItem item = simple(kind);
  item.peek = peek;
  readPart(in, item.section);
  in.expect(']');
  item.label = (kind == ItemKind::binary ? "BINARY[" : "BINARY.SIZE[") + sectionLabel(item.section) + "]";
  if (kind == ItemKind::binary) readPartial(in, item);
  return item;
}

FetchItem readItem(Reader& in) {
  for (const Word& word : kWords) {
    if (in.acceptWord(word.name)) return simple(word.kind);
  }
  if (in.acceptPrefix("BODY.PEEK[")) return readBodySection(in, true);
  if (in.acceptPrefix("BODY[")) return readBodySection(in, false);
  if (in.acceptWord("BODY")) return simple(ItemKind::body);
  if (in.acceptPrefix("BINARY.PEEK[")) return readBinarySection(in, ItemKind::binary, true);
  if (in.acceptPrefix("BINARY.SIZE[")) return readBinarySection(in, ItemKind::binarySize, true);
  if (in.acceptPrefix("BINARY[")) return readBinarySection(in, ItemKind::binary, false);
  if (in.acceptWord("RFC822.HEADER")) return rfc822("RFC822.HEADER", Text::header, true);
  if (in.acceptWord("RFC822.TEXT")) return rfc822("RFC822.TEXT", Text::text, false);
  if (in.acceptWord("RFC822")) return rfc822("RFC822", Text::whole, false);
  in.fail("Unknown FETCH item");
  return {};
}

bool readMacro(Reader& in, std::vector<FetchItem>& items) {
  const bool full = in.acceptWord("FULL");
  const bool all = full || in.acceptWord("ALL");
  if (!all && !in.acceptWord("FAST")) return false;
  items = {simple(ItemKind::flags), simple(ItemKind::internalDate), simple(ItemKind::rfc822Size)};
  if (all) items.push_back(simple(ItemKind::envelope));
  if (full) items.push_back(simple(ItemKind::body));
  return true;
}

void readItems(Reader& in, std::vector<FetchItem>& items) {
  if (readMacro(in, items)) return;
  if (!in.accept('(')) {
    items.push_back(readItem(in));
    return;
  }
  do {
    items.push_back(readItem(in));
    if (items.size() > kMaxItems) in.fail("Too many FETCH items", Error::Kind::limit);
  } while (in.accept(' '));
  in.expect(')');
}

// fetch-modifiers = SP "(" fetch-modifier *(SP fetch-modifier) ")": RFC 4466 2.4.
void readModifiers(Reader& in, FetchArguments& arguments) {
  if (!in.accept(' ')) return;
  in.expect('(');
  do {
    if (in.acceptWord("CHANGEDSINCE")) {
      in.space();
      arguments.changedSince = in.number64();
    } else if (in.acceptWord("VANISHED")) {
      arguments.vanished = true;
    } else {
      in.fail("Unknown FETCH modifier");
    }
  } while (in.accept(' '));
  in.expect(')');
}

}  // namespace

bool FetchArguments::has(FetchItem::Kind kind) const {
  return std::any_of(items.begin(), items.end(), [kind](const FetchItem& item) { return item.kind == kind; });
}

bool FetchArguments::setsSeen() const {
  return std::any_of(items.begin(), items.end(), [](const FetchItem& item) { return !item.peek; });
}

FetchArguments readFetchArguments(Reader& in) {
  FetchArguments arguments;
  readItems(in, arguments.items);
  readModifiers(in, arguments);
  in.end();
  return arguments;
}

}  // namespace ostler::imap
