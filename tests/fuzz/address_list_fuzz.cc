// What is written of an address list reads back as the same mailboxes.
#include <cassert>
#include <cstdint>

#include "libmailcore/message/address_list.h"

using namespace ostler::message;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const AddressList list = parseAddressList({reinterpret_cast<const char*>(data), size});
  for (const auto charset : {HeaderCharset::ascii, HeaderCharset::utf8}) {
    const std::string text = writeAddressList(list, 0, charset);
    assert(mailboxesOf(parseAddressList(text)).size() <= mailboxesOf(list).size() + list.size());
    assert(text.find('\n') == std::string::npos || text.find("\r\n ") != std::string::npos);
  }
  return 0;
}
