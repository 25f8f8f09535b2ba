#include "imapd/grammar/sort_criteria.h"

#include <array>
#include <string_view>

namespace ostler::imap {
namespace {

constexpr std::size_t kMaxCriteria = 32;

struct Named {
  std::string_view name;
  SortCriterion::Kind kind;
};
using SortKind = SortCriterion::Kind;
constexpr std::array kCriteria = {
    Named{"ARRIVAL", SortKind::arrival}, Named{"CC", SortKind::cc},
    Named{"DATE", SortKind::date},       Named{"DISPLAYFROM", SortKind::displayFrom},
    Named{"FROM", SortKind::from},       Named{"DISPLAYTO", SortKind::displayTo},
    Named{"SIZE", SortKind::size},       Named{"TO", SortKind::to},
    Named{"SUBJECT", SortKind::subject},
};

// sort-criterion = ["REVERSE" SP] sort-key
SortCriterion readCriterion(Reader& in) {
  SortCriterion criterion;
  std::string name = in.word();
  if (name == "REVERSE") {
    criterion.reverse = true;
    in.space();
    name = in.word();
  }
  for (const Named& known : kCriteria) {
    if (known.name != name) continue;
    criterion.kind = known.kind;
    return criterion;
  }
  in.fail("Unknown sort key");
  return criterion;
}

}  // namespace

// sort = ["UID" SP] "SORT" SP "(" sort-criterion *(SP sort-criterion) ")" SP search-criteria
SortArguments readSortArguments(Reader& in) {
  SortArguments arguments;
  in.expect('(');
  do {
    arguments.criteria.push_back(readCriterion(in));
    if (arguments.criteria.size() > kMaxCriteria) in.fail("Too many sort keys", Error::Kind::limit);
  } while (in.accept(' '));
  in.expect(')');
  in.space();
  arguments.search = readSearchCriteria(in);
  return arguments;
}

// thread = ["UID" SP] "THREAD" SP thread-alg SP search-criteria
ThreadArguments readThreadArguments(Reader& in) {
  ThreadArguments arguments;
  const std::string algorithm = in.word();
  if (algorithm == "ORDEREDSUBJECT") {
    arguments.algorithm = ThreadAlgorithm::orderedSubject;
  } else if (algorithm != "REFERENCES") {
    in.fail("Unknown thread algorithm");
  }
  in.space();
  arguments.search = readSearchCriteria(in);
  return arguments;
}

}  // namespace ostler::imap
