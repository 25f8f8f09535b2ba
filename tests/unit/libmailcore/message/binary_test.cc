#include "libmailcore/message/binary.h"

#include <catch2/catch.hpp>

#include "libmailcore/base/base64.h"

namespace ostler::message {
namespace {

using namespace std::string_literals;

TEST_CASE("binary: what line-wise hosts cannot carry is told apart") {
  CHECK_FALSE(isBinary("a\r\nb\r\n"));
  CHECK_FALSE(isBinary(""));
  CHECK(isBinary("a\nb"));
  CHECK(isBinary("a\r"));
  CHECK(isBinary("a\0b"s));
  CHECK_FALSE(isBinary(std::string(998, 'x') + "\r\n"));
  CHECK(isBinary(std::string(999, 'x') + "\r\n"));
}

TEST_CASE("binary: a binary leaf is carried in base64 and its text neighbours stay as they are") {
  const std::string picture = "\x89PNG\r\n\x1a\n\0\0\r.\r\n"s;
  const std::string content = "Subject: p\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
      "Content-Transfer-Encoding: binary\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\n"
      "Content-Type: image/png\r\nContent-Transfer-Encoding: BINARY\r\n\r\n" + picture + "\r\n--b--\r\n";
  const std::string out = withoutBinary(content);
  CHECK_FALSE(isBinary(out));
  CHECK(out.find("\r\n\r\nhello\r\n--b\r\n") != std::string::npos);
  CHECK(out.find("Content-Transfer-Encoding: base64\r\n\r\n" + encodeBase64(picture) + "\r\n\r\n--b--\r\n") != std::string::npos);
  CHECK(out.find("Content-Transfer-Encoding: 8bit") != std::string::npos);
  CHECK(out.find("inary") == std::string::npos);
}

TEST_CASE("binary: a message without structure, with bare line ends and NUL, is one base64 leaf that decodes to what was sent") {
  const std::string body = "a\nb\rc\0d"s;
  const std::string out = withoutBinary("Subject: x\r\n\r\n" + body);
  CHECK(out == "Subject: x\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encodeBase64(body) + "\r\n");
}

TEST_CASE("binary: what is not binary is left alone") {
  const std::string content = "Subject: x\r\n\r\nhello\r\n";
  CHECK(withoutBinary(content) == content);
}

}  // namespace
}  // namespace ostler::message
