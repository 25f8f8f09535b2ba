#include "libmailcore/message/transfer_encoding.h"

#include <catch2/catch.hpp>

using namespace ostler::message;

TEST_CASE("base64 bodies are read past junk, line ends and padding") {
  CHECK(decodeBody("Zm9v\r\nYmFy\r\n", TransferEncoding::base64) == "foobar");
  CHECK(decodeBody("Zg==", TransferEncoding::base64) == "f");
  CHECK(decodeBody("Zm8", TransferEncoding::base64) == "fo");
  CHECK(decodeBody("Z!m 9v====Zg==", TransferEncoding::base64) == "foof");
  CHECK(decodeBody("", TransferEncoding::base64).empty());
}

TEST_CASE("quoted-printable bodies lose soft breaks and trailing blanks, and keep what is malformed") {
  CHECK(decodeBody("a=3Db=\r\nc  \r\nd=\n", TransferEncoding::quotedPrintable) == "a=bc\r\nd");
  CHECK(decodeBody("100=25 =4 =zz =", TransferEncoding::quotedPrintable) == "100% =4 =zz =");
  CHECK(decodeBody("soft= \r\nbreak", TransferEncoding::quotedPrintable) == "softbreak");
}

TEST_CASE("decoding in pieces gives what decoding at once gives") {
  const std::string text = "a=3Db=\r\nc  \r\n=C3=A4 \t\r\n= =4";
  for (const auto encoding :
       {TransferEncoding::quotedPrintable, TransferEncoding::base64, TransferEncoding::identity}) {
    for (std::size_t piece = 1; piece < text.size(); ++piece) {
      TransferDecoder decoder(encoding);
      std::string out;
      for (std::size_t at = 0; at < text.size(); at += piece)
        decoder.decode(std::string_view(text).substr(at, piece), out);
      decoder.finish(out);
      CHECK(out == decodeBody(text, encoding));
    }
  }
}

TEST_CASE("what is encoded decodes to what it was, in lines of at most 76 characters") {
  std::string octets;
  for (int i = 0; i < 1000; ++i) octets += static_cast<char>(i * 7);
  CHECK(decodeBody(encodeBase64Lines(octets), TransferEncoding::base64) == octets);
  const std::string text = "caf\xC3\xA9 = x \r\n" + std::string(200, 'a') + "\t\r\n.";
  const std::string encoded = encodeQuotedPrintable(text);
  CHECK(decodeBody(encoded, TransferEncoding::quotedPrintable) == text);
  for (std::size_t at = 0, end = 0; at < encoded.size(); at = end + 2) {
    end = std::min(encoded.find("\r\n", at), encoded.size());
    CHECK(end - at <= 76);
  }
}
