// transfer_encoding.h - base64 and quoted-printable of bodies, decoded piece by piece and tolerantly; and their
// encoders. Is not: the strict base64 of protocols; see base/base64.h. RFC 2045 6.7, 6.8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ostler::message {

enum class TransferEncoding { identity, quotedPrintable, base64, unknown };

/// 7bit, 8bit and binary are identity; empty is identity too. Whatever the case.
[[nodiscard]] TransferEncoding transferEncodingOf(std::string_view name);

/// Decodes a body that comes in pieces. What is not of the encoding is skipped (base64) or kept as it is
/// (quoted-printable); base64 goes on behind padding, as concatenated bodies have it. Constant memory. One thread.
class TransferDecoder {
 public:
  explicit TransferDecoder(TransferEncoding encoding) : encoding_(encoding) {}
  /// Appends what can be decoded so far.
  void decode(std::string_view piece, std::string& out);
  /// Appends what was held back. Call once, at the end.
  void finish(std::string& out);

 private:
  void decodeBase64(std::string_view piece, std::string& out);
  void endQuantum(std::string& out);
  TransferEncoding encoding_;
  std::uint32_t bits_ = 0;  // base64: sextets not yet written
  int sextets_ = 0;
  std::string held_;  // quoted-printable: the end of the last piece, which needs what follows it
};

/// A whole body at once.
[[nodiscard]] std::string decodeBody(std::string_view body, TransferEncoding encoding);
/// Lines of 76 characters, each ended by CRLF.
[[nodiscard]] std::string encodeBase64Lines(std::string_view octets);
/// Text with CRLF line ends; lines of at most 76 characters.
[[nodiscard]] std::string encodeQuotedPrintable(std::string_view text);

}  // namespace ostler::message
