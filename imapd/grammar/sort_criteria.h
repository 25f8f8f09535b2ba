// sort_criteria.h - what SORT and THREAD ask for beside the search. Pure.
// RFC 5256 3 (SORT, THREAD), 5 (formal syntax); RFC 5957 2 (DISPLAYFROM, DISPLAYTO).
#pragma once

#include <vector>

#include "imapd/grammar/search_key.h"

namespace ostler::imap {

struct SortCriterion {
  enum class Kind { arrival, cc, date, displayFrom, displayTo, from, size, subject, to };
  Kind kind = Kind::arrival;
  bool reverse = false;
};

struct SortArguments {
  std::vector<SortCriterion> criteria;
  SearchArguments search;
};
[[nodiscard]] SortArguments readSortArguments(Reader& in);

enum class ThreadAlgorithm { orderedSubject, references };

struct ThreadArguments {
  ThreadAlgorithm algorithm = ThreadAlgorithm::references;
  SearchArguments search;
};
[[nodiscard]] ThreadArguments readThreadArguments(Reader& in);

}  // namespace ostler::imap
