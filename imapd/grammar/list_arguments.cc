#include "imapd/grammar/list_arguments.h"

#include <array>
#include <utility>

namespace ostler::imap {
namespace {

constexpr std::array<std::pair<std::string_view, StatusItem>, 10> kStatusItems = {
    {{"MESSAGES", StatusItem::messages},
     {"RECENT", StatusItem::recent},
     {"UIDNEXT", StatusItem::uidNext},
     {"UIDVALIDITY", StatusItem::uidValidity},
     {"UNSEEN", StatusItem::unseen},
     {"DELETED", StatusItem::deleted},
     {"SIZE", StatusItem::size},
     {"HIGHESTMODSEQ", StatusItem::highestModSeq},
     {"MAILBOXID", StatusItem::mailboxId},
     {"APPENDLIMIT", StatusItem::appendLimit}}};
constexpr std::size_t kMaxPatterns = 100;

// list-select-opts = "(" [list-select-opt *(SP list-select-opt)] ")"
void readSelection(Reader& in, ListArguments& into) {
  if (!in.accept('(')) return;
  into.extended = true;
  if (!in.accept(')')) {
    do {
      const std::string option = in.word();
      if (option == "SUBSCRIBED")
        into.selectSubscribed = true;
      else if (option == "REMOTE")
        continue;  // we have none
      else if (option == "RECURSIVEMATCH")
        into.recursiveMatch = true;
      else if (option == "SPECIAL-USE")
        into.selectSpecialUse = true;
      else
        in.fail("Unknown LIST selection option");
    } while (in.accept(' '));
    in.expect(')');
  }
  // RECURSIVEMATCH says nothing alone: RFC 5258 3.1.
  if (into.recursiveMatch && !into.selectSubscribed && !into.selectSpecialUse)
    in.fail("RECURSIVEMATCH needs another option");
  in.space();
}

void readPatterns(Reader& in, ListArguments& into) {
  if (!in.accept('(')) {
    into.patterns.push_back(in.listMailbox());
    return;
  }
  into.extended = true;
  do {
    into.patterns.push_back(in.listMailbox());
    if (into.patterns.size() > kMaxPatterns) in.fail("Too many patterns", Error::Kind::limit);
  } while (in.accept(' '));
  in.expect(')');
}

void readReturn(Reader& in, ListArguments& into) {
  if (!in.accept(' ')) return;
  into.extended = true;
  if (!in.acceptWord("RETURN")) in.fail("RETURN expected");
  in.space();
  in.expect('(');
  if (in.accept(')')) return;
  do {
    const std::string option = in.word();
    if (option == "SUBSCRIBED") {
      into.returnSubscribed = true;
    } else if (option == "CHILDREN") {
      into.returnChildren = true;
    } else if (option == "SPECIAL-USE") {
      into.returnSpecialUse = true;
    } else if (option == "STATUS") {
      in.space();
      into.status = readStatusItems(in);
    } else {
      in.fail("Unknown LIST return option");
    }
  } while (in.accept(' '));
  in.expect(')');
}

}  // namespace

std::string_view statusItemName(StatusItem item) {
  for (const auto& [name, known] : kStatusItems) {
    if (known == item) return name;
  }
  return {};
}

std::vector<StatusItem> readStatusItems(Reader& in) {
  std::vector<StatusItem> items;
  in.expect('(');
  do {
    const std::string name = in.word();
    bool known = false;
    for (const auto& [itemName, item] : kStatusItems) {
      if (itemName != name) continue;
      items.push_back(item);
      known = true;
    }
    if (!known) in.fail("Unknown STATUS item");
    if (items.size() > 4 * kStatusItems.size()) in.fail("Too many STATUS items", Error::Kind::limit);
  } while (in.accept(' '));
  in.expect(')');
  return items;
}

ListArguments readListArguments(Reader& in) {
  ListArguments arguments;
  readSelection(in, arguments);
  arguments.reference = in.astring();
  in.space();
  readPatterns(in, arguments);
  readReturn(in, arguments);
  in.end();
  return arguments;
}

// Greedy with one place to come back to per kind of wildcard: a later `*` makes all earlier ones settled, and a `%`
// settles earlier `%` only up to the next separator, where it fails over to the last `*`.
bool matchesPattern(std::string_view pattern, std::string_view name) {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t p = 0, n = 0;
  std::size_t starP = kNone, starN = 0, percentP = kNone, percentN = 0;
  for (;;) {
    if (p < pattern.size() && pattern[p] == '*') {
      starP = p++;
      starN = n;
      percentP = kNone;
    } else if (p < pattern.size() && pattern[p] == '%') {
      percentP = p++;
      percentN = n;
    } else if (n < name.size() && p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (n == name.size() && p == pattern.size()) {
      return true;
    } else if (percentP != kNone && percentN < name.size() && name[percentN] != '/') {
      n = ++percentN;
      p = percentP + 1;
    } else if (starP != kNone && starN < name.size()) {
      n = ++starN;
      p = starP + 1;
      percentP = kNone;
    } else {
      return false;
    }
  }
}

}  // namespace ostler::imap
