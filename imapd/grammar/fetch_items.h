// fetch_items.h - what a FETCH asks for of each message. Is not: how it is rendered; see fetch/renderer.h. Pure.
// RFC 9051 6.4.5 (items, macros, partials), 6.4.5.1 (sections); RFC 3516 and RFC 9051 (BINARY); RFC 7162 3.1.4
// (CHANGEDSINCE, MODSEQ), 3.2.6 (VANISHED); RFC 8474 5.3 (EMAILID, THREADID); RFC 8514 4.2 (SAVEDATE).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libmailcore/message/section.h"

#include "imapd/grammar/sequence_set.h"

namespace ostler::imap {

/// `<0.1024>`: octets [first, first + count) of a section, as far as it goes.
struct Partial {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  bool operator==(const Partial&) const = default;
};

struct FetchItem {
  enum class Kind {
    uid,
    flags,
    internalDate,
    rfc822Size,
    envelope,
    body,
    bodyStructure,
    modSeq,
    emailId,
    threadId,
    saveDate,
    section,     ///< BODY[...], and RFC822, RFC822.HEADER, RFC822.TEXT under other labels
    binary,      ///< BINARY[...]
    binarySize,  ///< BINARY.SIZE[...]
  };
  Kind kind = Kind::uid;
  message::Section section;
  std::optional<Partial> partial;
  bool peek = false;  ///< leaves \Seen alone
  std::string label;  ///< how the response names it: `BODY[1.MIME]<0>`
};

struct FetchArguments {
  std::vector<FetchItem> items;
  std::optional<std::uint64_t> changedSince;
  bool vanished = false;
  [[nodiscard]] bool has(FetchItem::Kind kind) const;
  [[nodiscard]] bool setsSeen() const;
};

/// What follows the sequence set and a space: items, then modifiers in parentheses.
[[nodiscard]] FetchArguments readFetchArguments(Reader& in);

}  // namespace ostler::imap
