#include "libmailcore/message/header_addresses.h"

#include <catch2/catch.hpp>

using namespace ostler::message;

TEST_CASE("the addresses of a header are shown with the domains that a virtual server wants, and nothing else is touched") {
  struct Row {
    const char* name;
    std::string in;
    std::string out;
  };
  const std::string rest = "Subject: alice@inside.example  \r\n\r\nFrom: alice@inside.example\r\n";
  for (const Row& row : {
           Row{"masqueraded", "From: Alice <alice@Inside.example>\r\n", "From: Alice <alice@public.example>\r\n"},
           Row{"those who send alone", "Sender: a@inside.example\r\nreply-to: b@inside.example,\r\n c@other.example\r\nTo: d@inside.example\r\n",
               "Sender: a@public.example\r\nreply-to: b@public.example, c@other.example\r\nTo: d@inside.example\r\n"},
           Row{"below the domain is another one", "From: a@host.inside.example\r\n", "From: a@host.inside.example\r\n"},
           Row{"bare names", "To: bob, \"Carol C.\" <carol>\r\nCc: d@x.example\r\n", "To: bob@default.example, \"Carol C.\" <carol@default.example>\r\nCc: d@x.example\r\n"},
           Row{"a bare sender", "From: alice\r\n", "From: alice@default.example\r\n"},
           Row{"a group", "Cc: friends: bob, c@x.example;\r\n", "Cc: friends: bob@default.example, c@x.example;\r\n"},
           Row{"an encoded name", "From: =?utf-8?Q?J=C3=B6rg?= <j@inside.example>\r\n", "From: =?utf-8?Q?J=C3=B6rg?= <j@public.example>\r\n"},
           Row{"a name in UTF-8", "From: J\xC3\xB6rg <j@inside.example>\r\n", "From: J\xC3\xB6rg <j@public.example>\r\n"},
           Row{"nobody", "From: <>\r\nTo: undisclosed-recipients:;\r\n", "From: <>\r\nTo: undisclosed-recipients:;\r\n"},
           Row{"as it was folded", "To: \"A\"\r\n\t<a@x.example> (who)\r\n", "To: \"A\"\r\n\t<a@x.example> (who)\r\n"},
           Row{"signed", "DKIM-Signature: v=1\r\nFrom: alice@inside.example\r\n", "DKIM-Signature: v=1\r\nFrom: alice@inside.example\r\n"},
       }) {
    INFO(row.name);
    const ShownDomains domains{"inside.example", "public.example", "default.example"};
    const auto shown = withShownDomains(row.in + rest, domains);
    CHECK(shown.has_value() == (row.in != row.out));
    CHECK(shown.value_or(row.in + rest) == row.out + rest);
    CHECK_FALSE(withShownDomains(row.out + rest, domains));
    CHECK_FALSE(withShownDomains(row.in + rest, {"inside.example", "", ""}));
  }
}

TEST_CASE("a header that is not there as a whole stays as it is") {
  const std::string part = "From: alice@inside.example\r\nTo: b";
  CHECK_FALSE(withShownDomains(part, {"inside.example", "public.example", "x.example"}));
}
