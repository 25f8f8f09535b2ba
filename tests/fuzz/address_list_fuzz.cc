// What was read and written reads back as that many addresses: none swallows another.
#include <cassert>
#include <cstdint>

#include "libmailcore/message/address_list.h"

using namespace ostler::message;

namespace {
// `<>` and `""` name nobody and are not counted.
std::size_t count(const AddressList& list) {
  std::size_t named = 0;
  for (const Mailbox& mailbox : mailboxesOf(list)) named += !mailbox.localPart.empty() || !mailbox.domain.empty();
  return named;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const AddressList wild = parseAddressList({reinterpret_cast<const char*>(data), size});
  const AddressList tame = parseAddressList(writeAddressList(wild, 0, HeaderCharset::utf8));
  assert(count(tame) == count(wild));
  const std::string ascii = writeAddressList(wild);
  assert(ascii.find('\n') == std::string::npos || ascii.find("\r\n ") != std::string::npos);
  return 0;
}
