// The grammar of IMAP commands on any octets: nothing crashes, a reader that failed takes nothing more, and what is
// written from what was read, reads the same again.
#include <cassert>
#include <cstdint>
#include <string>

#include "imapd/grammar/fetch_items.h"
#include "imapd/grammar/flags.h"
#include "imapd/grammar/list_arguments.h"
#include "imapd/grammar/mailbox_name.h"
#include "imapd/grammar/search_key.h"
#include "imapd/grammar/sort_criteria.h"
#include "imapd/grammar/write.h"

using namespace ostler::imap;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  {
    Reader in(input);
    const std::string text = in.astring();
    if (!in.failed() && text.find('\0') == std::string::npos) {
      std::string written;
      appendAstring(written, text);
      Reader again(written);
      assert(again.astring() == text && again.atEnd());
    }
  }
  if (const auto name = decodeUtf7(input)) assert(encodeUtf7(*name) == input);
  if (const auto name = mailboxNameFromWire(input, NameForm::utf8)) {
    std::string wire;
    appendMailboxName(wire, *name, NameForm::utf7);
    Reader in(wire);
    const auto back = mailboxNameFromWire(in.astring(), NameForm::utf7);
    assert(back && *back == *name);
  }
  {
    Reader in(input);
    const SequenceSet set = readSequenceSet(in);
    if (!in.failed()) {
      std::uint32_t last = 0;
      for (const auto& range : set.resolve(1'000)) {
        assert(range.first <= range.last && (last == 0 || range.first > last + 1));
        last = range.last;
      }
    }
  }
  {
    Reader in(input);
    const FetchArguments arguments = readFetchArguments(in);
    assert(in.failed() || in.atEnd());
    if (!in.failed()) {
      for (const FetchItem& item : arguments.items) {
        if (item.kind != FetchItem::Kind::section || item.section.fields.empty()) continue;
        const std::string text = item.label.substr(0, item.label.rfind(']') + 1);
        Reader label(text);
        const FetchArguments again = readFetchArguments(label);
        assert(!label.failed() && again.items.at(0).section == item.section);
      }
    }
  }
  {
    Reader in(input);
    (void)readSearchArguments(in);
    assert(in.failed() || in.atEnd());
  }
  {
    Reader in(input);
    (void)readSortArguments(in);
    assert(in.failed() || in.atEnd());
  }
  {
    Reader in(input);
    (void)readThreadArguments(in);
    assert(in.failed() || in.atEnd());
  }
  {
    Reader in(input);
    (void)readListArguments(in);
    assert(in.failed() || in.atEnd());
  }
  {
    Reader in(input);
    (void)readFlags(in);
  }
  const std::size_t middle = size / 2;
  (void)matchesPattern(input.substr(0, middle), input.substr(middle));
  return 0;
}
