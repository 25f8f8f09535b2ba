// list_arguments.h - what LIST asks for: selection options, patterns, return options; and STATUS items. Pure.
// RFC 9051 6.3.9; RFC 5258 (LIST-EXTENDED); RFC 5819 (LIST-STATUS); RFC 6154 3 (SPECIAL-USE); RFC 9051 6.3.11 (STATUS);
// RFC 8438 (SIZE), RFC 7162 3.1.7 (HIGHESTMODSEQ), RFC 8474 4.3 (MAILBOXID), RFC 7889 (APPENDLIMIT).
#pragma once

#include <string>
#include <vector>

#include "imapd/grammar/reader.h"

namespace ostler::imap {

enum class StatusItem {
  messages,
  recent,
  uidNext,
  uidValidity,
  unseen,
  deleted,
  size,
  highestModSeq,
  mailboxId,
  appendLimit
};
[[nodiscard]] std::string_view statusItemName(StatusItem item);
/// `(MESSAGES UNSEEN)`.
[[nodiscard]] std::vector<StatusItem> readStatusItems(Reader& in);

struct ListArguments {
  bool extended = false;  ///< any option or pattern list: attributes are shown as RFC 5258 says
  // Selection.
  bool selectSubscribed = false;
  bool recursiveMatch = false;
  bool selectSpecialUse = false;
  std::string reference;
  std::vector<std::string> patterns;  ///< as sent
  // Return.
  bool returnSubscribed = false;
  bool returnChildren = false;
  bool returnSpecialUse = false;
  std::vector<StatusItem> status;
};
[[nodiscard]] ListArguments readListArguments(Reader& in);

/// `*` takes anything, `%` anything but the separator '/'. Linear in pattern times name.
[[nodiscard]] bool matchesPattern(std::string_view pattern, std::string_view name);

}  // namespace ostler::imap
