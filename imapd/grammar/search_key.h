// search_key.h - what a SEARCH asks, as a tree. Is not: asking it; see search/evaluator.h. Pure.
// RFC 9051 6.4.4; RFC 3501 6.4.4 (NEW, OLD, RECENT); RFC 5032 3 (OLDER, YOUNGER); RFC 7162 3.1.5 (MODSEQ); RFC
// 8474 5.4; RFC 8514 4.3; RFC 4731 3.1 (RETURN); RFC 5182 2.1 (SAVE).
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "imapd/grammar/sequence_set.h"

namespace ostler::imap {

struct SearchKey {
  enum class Kind {
    all,
    both,      ///< every operand
    either,    ///< one of the operands
    negation,  ///< not its one operand
    none,      ///< no message: NEW and RECENT, since we keep no \Recent
    sequence,
    uid,
    flagSet,    ///< `number`: the system flag
    flagClear,  ///< likewise
    keyword,    ///< `text`; makes UNKEYWORD by negation
    larger,
    smaller,
    arrivedBefore,  ///< INTERNALDATE
    arrivedOn,
    arrivedSince,
    sentBefore,  ///< the Date field
    sentOn,
    sentSince,
    savedBefore,  ///< SAVEDATE
    savedOn,
    savedSince,
    older,  ///< `number` seconds
    younger,
    subject,
    from,
    to,
    cc,
    bcc,
    header,  ///< `field`, `text`
    body,
    text,
    modSeq,
    emailId,
    threadId,
  };
  Kind kind = Kind::all;
  std::vector<SearchKey> operands;
  SequenceSet set;
  std::string text;  ///< as sent: still in the command's charset
  std::string field;
  std::uint64_t number = 0;
  std::chrono::sys_days day;
};

/// RETURN (...).
struct SearchResultOptions {
  bool given = false;  ///< RETURN was there: the answer is ESEARCH
  bool min = false;
  bool max = false;
  bool all = false;
  bool count = false;
  bool save = false;
};

struct SearchArguments {
  SearchResultOptions options;
  std::string charset;  ///< as sent; empty: none given
  SearchKey key;
  bool usesModSeq = false;  ///< the answer tells the highest MODSEQ: RFC 7162 3.1.5
};

[[nodiscard]] SearchArguments readSearchArguments(Reader& in);
/// Every key that a SEARCH may name, but for NOT, OR and message sets.
[[nodiscard]] std::vector<std::string_view> searchKeyNames();
/// search-criteria = charset 1*(SP search-key), as SORT and THREAD have it: RFC 5256 5.
[[nodiscard]] SearchArguments readSearchCriteria(Reader& in);

}  // namespace ostler::imap
