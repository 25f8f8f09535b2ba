// What was read as the addresses of a list makes that list again: nothing is swallowed by what stands beside it.
#include <cassert>
#include <cstdint>
#include <string>

#include "libmailcore/message/typed_addresses.h"
#include "libmailcore/smtp/path.h"

using namespace ostler;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> paths;
  std::string list;
  for (const std::string& typed : message::typedAddresses({reinterpret_cast<const char*>(data), size})) {
    const auto path = smtp::parsePlainPath(typed);
    if (!path) continue;
    paths.push_back(*path);
    list += *path + ",";
  }
  assert(message::typedAddresses(list) == paths);
  return 0;
}
