#include "libmailcore/message/content_type.h"

#include <catch2/catch.hpp>

using namespace ostler::message;

TEST_CASE("content types with parameters, quoted, folded, commented and broken") {
  const ContentType type =
      parseContentType(" Text/Plain (c); charset=\"utf-8\";\r\n\tformat = flowed ; name=my file.pdf; x");
  CHECK(type.is("text", "plain"));
  CHECK(type.type == "Text");
  CHECK(type.parameters == Parameters{{"charset", "utf-8"}, {"format", "flowed"}, {"name", "my file.pdf"}});
  CHECK(parseContentType("multipart/mixed; boundary=\"foo\r\n bar\"").parameters ==
        Parameters{{"boundary", "foo bar"}});
  CHECK(parseContentType("multipart/mixed boundary=a=b charset=x").parameters ==
        Parameters{{"boundary", "a=b"}, {"charset", "x"}});
  for (const char* bad : {"", "text", "/plain", "text/", ";;;"}) CHECK(parseContentType(bad) == ContentType{});
}

TEST_CASE("parameters cut up and encoded after RFC 2231 come together") {
  const Parameters pieces =
      parseDisposition("attachment; filename*1*=%20b%c3%a9; filename*0*=utf-8'en'a; filename*2=\" c.txt\"").parameters;
  CHECK(parameterValue(pieces, "FILENAME") == "a b\xC3\xA9 c.txt");
  CHECK(parameterValue(parseDisposition("x; filename*=iso-8859-1''%E9").parameters, "filename") == "\xC3\xA9");
  CHECK(parameterValue(parseDisposition("x; filename=\"=?utf-8?Q?=C3=A9?=\"").parameters, "filename") == "\xC3\xA9");
  CHECK(parameterValue(parseDisposition("x; filename*=a'b").parameters, "filename") == "a'b");
  CHECK(parameterValue({}, "filename").empty());
}
