// commands.h - every command in one table. Dispatch checks the row; handlers do not ask again whether they are legal.
#pragma once

#include <array>

#include "pop3d/session.h"

namespace ostler::pop3 {

/// States of a session: RFC 1939 3. UPDATE has no commands.
inline constexpr unsigned kAuthorization = 1;
inline constexpr unsigned kTransaction = 2;
inline constexpr unsigned kAnyState = kAuthorization | kTransaction;

enum class Takes {
  nothing,
  text,  ///< the rest of the line, blanks included
  optionalText,
  number,  ///< a message number
  optionalNumber,
  numberAndCount,
};

struct Command {
  std::string_view verb;
  unsigned legalIn;
  Takes takes;
  Session::Handler handler;
  std::string_view writtenIn;
};

// clang-format off
inline constexpr std::array kCommands = {
    //      verb     legal in         takes                  handler            written in
    Command{"CAPA", kAnyState,      Takes::nothing,        &Session::capa, "RFC 2449 5"},
    Command{"STLS", kAuthorization, Takes::nothing,        &Session::stls, "RFC 2595 4"},
    Command{"USER", kAuthorization, Takes::text,           &Session::user, "RFC 1939 7"},
    Command{"PASS", kAuthorization, Takes::text,           &Session::pass, "RFC 1939 7"},
    Command{"AUTH", kAuthorization, Takes::optionalText,   &Session::auth, "RFC 5034 4"},
    Command{"UTF8", kAuthorization, Takes::nothing,        &Session::utf8, "RFC 6856 2.1"},
    Command{"STAT", kTransaction,   Takes::nothing,        &Session::stat, "RFC 1939 5"},
    Command{"LIST", kTransaction,   Takes::optionalNumber, &Session::list, "RFC 1939 5"},
    Command{"UIDL", kTransaction,   Takes::optionalNumber, &Session::uidl, "RFC 1939 7"},
    Command{"RETR", kTransaction,   Takes::number,         &Session::retr, "RFC 1939 5"},
    Command{"TOP",  kTransaction,   Takes::numberAndCount, &Session::top,  "RFC 1939 7"},
    Command{"DELE", kTransaction,   Takes::number,         &Session::dele, "RFC 1939 5"},
    Command{"NOOP", kTransaction,   Takes::nothing,        &Session::noop, "RFC 1939 5"},
    Command{"RSET", kTransaction,   Takes::nothing,        &Session::rset, "RFC 1939 5"},
    Command{"QUIT", kAnyState,      Takes::nothing,        &Session::quit, "RFC 1939 4, 6"},
};
// clang-format on

}  // namespace ostler::pop3
