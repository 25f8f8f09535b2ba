#include "imapd/grammar/mailbox_name.h"

#include <catch2/catch.hpp>

using namespace ostler::imap;

TEST_CASE("modified UTF-7: the examples of RFC 3501 5.1.3") {
  CHECK(decodeUtf7("~peter/mail/&U,BTFw-/&ZeVnLIqe-").value() ==
        "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
  CHECK(encodeUtf7("~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e") ==
        "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
  CHECK(decodeUtf7("a&-b").value() == "a&b");
  CHECK(encodeUtf7("a&b") == "a&-b");
  CHECK(decodeUtf7(encodeUtf7("\xf0\x9f\x93\xa7 mail")).value() == "\xf0\x9f\x93\xa7 mail");
}

TEST_CASE("modified UTF-7: what is not the one right form is refused") {
  for (const char* text : {"&", "&U,BTFw", "&AGE-", "&U,BTFw-&ZeVnLIqe-", "&2D3-", "caf\xc3\xa9", "&!-", "&AAA"}) {
    INFO(text);
    CHECK_FALSE(decodeUtf7(text));
  }
}

TEST_CASE("mailbox names from the wire") {
  const auto name = [](std::string_view wire) { return mailboxNameFromWire(wire, NameForm::utf7); };
  CHECK(name("inbox").value() == "INBOX");
  CHECK(name("Inbox/Sub").value() == "INBOX/Sub");
  CHECK(name("Inboxes").value() == "Inboxes");
  CHECK(name("Work/").value() == "Work");
  CHECK(name("Entw&APw-rfe").value() == "Entw\xc3\xbcrfe");
  CHECK_FALSE(name(""));
  CHECK_FALSE(name("/a"));
  CHECK_FALSE(name("a//b"));
  CHECK_FALSE(name(std::string(600, 'x')));
  CHECK_FALSE(name("a\tb"));
  CHECK(mailboxNameFromWire("a&b", NameForm::utf8).value() == "a&b");
  CHECK_FALSE(mailboxNameFromWire("a\xff", NameForm::utf8));
}

TEST_CASE("mailbox names to the wire") {
  const auto wire = [](std::string_view name, NameForm form) {
    std::string out;
    appendMailboxName(out, name, form);
    return out;
  };
  CHECK(wire("INBOX", NameForm::utf7) == "INBOX");
  CHECK(wire("Sent Items", NameForm::utf7) == "\"Sent Items\"");
  CHECK(wire("Entw\xc3\xbcrfe", NameForm::utf7) == "Entw&APw-rfe");
  CHECK(wire("Entw\xc3\xbcrfe", NameForm::utf8) == "\"Entw\xc3\xbcrfe\"");
  CHECK(wire("NIL", NameForm::utf7) == "\"NIL\"");
}
