// Walks the table of commands.
#include "imapd/commands.h"

#include <catch2/catch.hpp>
#include <set>

using namespace ostler::imap;

TEST_CASE("commands: every verb is there once, has a handler and says where it is written") {
  std::set<std::string_view> verbs;
  for (const Command& command : kCommands) {
    INFO(command.verb);
    CHECK(verbs.insert(command.verb).second);
    CHECK(command.handler != nullptr);
    CHECK(command.reference.starts_with("RFC "));
    CHECK(findCommand(command.verb) == &command);
  }
  CHECK(findCommand("NOSUCH") == nullptr);
}

TEST_CASE("commands: what names messages by number is what RFC 9051 7.5.1 and RFC 5256 3 list") {
  std::set<std::string_view> using_;
  for (const Command& command : kCommands) {
    if (command.numbers == SequenceNumbers::used) using_.insert(command.verb);
  }
  CHECK(using_ == std::set<std::string_view>{"FETCH", "STORE", "SEARCH", "SORT", "THREAD"});
}

TEST_CASE("commands: a UID command is legal where its plain form is, and needs the same") {
  for (const Command& command : kCommands) {
    if (!command.verb.starts_with("UID ")) continue;
    INFO(command.verb);
    const Command* const plain = findCommand(command.verb.substr(4));
    REQUIRE(plain != nullptr);
    CHECK(plain->legal == command.legal);
    CHECK(plain->needs == command.needs);
    CHECK(command.addressing == Addressing::uid);
  }
}

TEST_CASE("commands: only these can be said before login") {
  std::set<std::string_view> early;
  for (const Command& command : kCommands) {
    if ((command.legal & kNotAuthenticated) != 0) early.insert(command.verb);
  }
  CHECK(early == std::set<std::string_view>{"CAPABILITY", "NOOP", "LOGOUT", "ID", "STARTTLS", "AUTHENTICATE", "LOGIN"});
}
