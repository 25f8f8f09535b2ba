// The fields of a header tile it without a gap.
#include <cassert>
#include <cstdint>

#include "libmailcore/message/header.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  const ostler::message::HeaderView header(content);
  std::size_t at = 0;
  for (const auto& field : header) {
    assert(field.offset == at && field.length > 0);
    at += field.length;
    assert(ostler::message::unfold(field.value).find_first_of("\r\n") == std::string::npos);
  }
  assert(at == header.fieldsLength() && header.length() <= size && header.length() - at <= 2);
  return 0;
}
