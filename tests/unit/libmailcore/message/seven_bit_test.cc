#include "libmailcore/message/seven_bit.h"

#include <catch2/catch.hpp>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"
#include "libmailcore/message/mime.h"
#include "libmailcore/message/transfer_encoding.h"

namespace ostler::message {
namespace {

TEST_CASE("seven bit: a text becomes quoted-printable and reads as before") {
  const std::string content = "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: 8bit\r\n\r\nGr\xC3\xBC\xC3\x9F" "e = 1\r\n";
  const std::string out = toSevenBit(content);
  CHECK(isAllAscii(out));
  CHECK(out == "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe =3D 1\r\n");
}

TEST_CASE("seven bit: only the parts that need it change, and what holds them says 7bit") {
  const std::string content = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
      "--b\r\n\r\nplain = plain\r\n--b\r\nContent-Type: image/x\r\n\r\n\xFF\xFE\r\n--b--\r\n";
  const std::string out = toSevenBit(content);
  CHECK(isAllAscii(out));
  CHECK(out.find("\r\n\r\nplain = plain\r\n--b\r\n") != std::string::npos);
  CHECK(out.find("Content-Transfer-Encoding: 7bit") != std::string::npos);
  CHECK(out.find("Content-Transfer-Encoding: base64\r\n\r\n" + encodeBase64("\xFF\xFE")) != std::string::npos);
  const Structure structure = parseStructure(out);
  REQUIRE(structure.parts.size() == 3);
  CHECK(decodeBody(octetsOf(out, structure.parts[2].body), TransferEncoding::base64) == "\xFF\xFE");
}

TEST_CASE("seven bit: a text whose charset nobody named says so") {
  const std::string out = toSevenBit("Subject: x\r\n\r\n\xE4\r\n");
  CHECK(out == "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4\r\n");
}

TEST_CASE("seven bit: text and names of a header become encoded-words, addresses and other fields stay, and so does all of a UTF-8 header") {
  const std::string header = "From: Gr\xC3\xBC\xC3\x9F" "e <a@b.test>\r\nTo: \xC3\xBC@b.test\r\nSubject: =?utf-8?q?caf=C3=A9?= \xC3\xA9\r\n"
      "X-Note: a\r\n \xC3\xA9\r\nReceived: by \xC3\xA9; x\r\nMIME-Version: 1.0\r\n";
  const std::string content = header + "\r\nplain\r\n";
  CHECK(toSevenBit(content) ==
        "From: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?= <a@b.test>\r\nTo: \xC3\xBC@b.test\r\nSubject: =?UTF-8?Q?caf=C3=A9_=C3=A9?=\r\n"
        "X-Note: =?UTF-8?Q?a_=C3=A9?=\r\nReceived: by \xC3\xA9; x\r\nMIME-Version: 1.0\r\n\r\nplain\r\n");
  CHECK(toSevenBit(content, HeaderOctets::asTheyAre) == content);
}

TEST_CASE("seven bit: what is signed is recognised") {
  CHECK(isSigned("DKIM-Signature: v=1\r\n\r\nx"));
  CHECK(isSigned("Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"));
  CHECK_FALSE(isSigned("Subject: DKIM-Signature: v=1\r\n\r\nDKIM-Signature: v=1\r\n"));
}

}  // namespace
}  // namespace ostler::message
