// aliases_file_fuzz.cc - what is read from an aliases file, written and read again is the same.
#include <cassert>
#include <cstdint>
#include <string_view>

#include "libmailcore/directory/aliases_file.h"
#include "libmailcore/directory/names.h"

using namespace ostler::directory;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const AliasesFile file = parseAliasesFile(input);
  const AliasesFile again = parseAliasesFile(formatAliasesFile(file.entries));
  assert(again.problems.empty());
  assert(again.entries.size() == file.entries.size());
  for (std::size_t at = 0; at < file.entries.size(); ++at) {
    assert(again.entries[at].name == file.entries[at].name);
    assert(again.entries[at].targets == file.entries[at].targets);
  }
  if (const auto address = parseAddress(input)) assert(parseAddress(address->text()).value() == *address);
  if (const auto domain = canonicalDomain(input)) assert(canonicalDomain(*domain).value() == *domain);
  if (const auto local = foldLocalPart(input)) {
    // Folding may lengthen a name beyond what a local part may have.
    if (const auto twice = foldLocalPart(*local)) assert(*twice == *local);
  }
  return 0;
}
