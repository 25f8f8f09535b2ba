// Decoding in pieces gives what decoding at once gives; what is encoded decodes to what it was.
#include <cassert>
#include <cstdint>

#include "libmailcore/message/transfer_encoding.h"

using namespace ostler::message;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 4000) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = data[0] % 16 + 1U;
  for (const auto encoding : {TransferEncoding::base64, TransferEncoding::quotedPrintable}) {
    TransferDecoder decoder(encoding);
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += piece) decoder.decode(text.substr(at, piece), out);
    decoder.finish(out);
    assert(out == decodeBody(text, encoding));
  }
  assert(decodeBody(encodeBase64Lines(text), TransferEncoding::base64) == text);
  assert(decodeBody(encodeQuotedPrintable(text), TransferEncoding::quotedPrintable) == text);
  return 0;
}
