// commands.h - the whole protocol in one table: every command, when it is legal, what it needs, who does it.
// Dispatch (session.cc) checks the row; handlers do not ask again whether they are legal. A test walks the table.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "imapd/session.h"

namespace ostler::imap {

/// States of RFC 9051 3, to be combined.
enum States : unsigned {
  kNotAuthenticated = 1,
  kAuthenticated = 2,
  kSelected = 4,
  kLoggedIn = kAuthenticated | kSelected,
  kAny = 7
};

enum class Needs {
  nothing,
  clearText,  ///< a connection without TLS, on a listener that offers it
  password,   ///< a connection on which passwords may be sent
  writable,   ///< a mailbox that was selected read-write
};

/// What a command has to do with sequence numbers: RFC 9051 5.5, 7.5.1.
enum class SequenceNumbers {
  unaffected,  ///< EXPUNGE may be told at its end
  used,        ///< names messages by number: no EXPUNGE may be told before its end, and none at it
};

struct Command {
  std::string_view verb;
  unsigned legal = kAny;
  Needs needs = Needs::nothing;
  Session::Handler handler = nullptr;
  Addressing addressing = Addressing::number;
  SequenceNumbers numbers = SequenceNumbers::unaffected;
  std::string_view reference;
};

// clang-format off
inline constexpr std::array kCommands = {
    //      verb            legal in          needs             handler                 by                   numbers                        written in
    Command{"CAPABILITY",   kAny,             Needs::nothing,   &Session::capability,   Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.1.1"},
    Command{"NOOP",         kAny,             Needs::nothing,   &Session::noop,         Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.1.2"},
    Command{"LOGOUT",       kAny,             Needs::nothing,   &Session::logout,       Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.1.3"},
    Command{"ID",           kAny,             Needs::nothing,   &Session::id,           Addressing::number,  SequenceNumbers::unaffected,   "RFC 2971 3.1"},
    Command{"STARTTLS",     kNotAuthenticated, Needs::clearText, &Session::startTls,    Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.2.1"},
    Command{"AUTHENTICATE", kNotAuthenticated, Needs::nothing,  &Session::authenticate, Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.2.2"},
    Command{"LOGIN",        kNotAuthenticated, Needs::password, &Session::login,        Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.2.3"},
    Command{"ENABLE",       kLoggedIn,        Needs::nothing,   &Session::enable,       Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.3.1"},
    Command{"SELECT",       kLoggedIn,        Needs::nothing,   &Session::select,       Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.3.2"},
    Command{"EXAMINE",      kLoggedIn,        Needs::nothing,   &Session::examine,      Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.3.3"},
    Command{"CREATE",       kLoggedIn,        Needs::nothing,   &Session::create,       Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.3.4"},
    Command{"DELETE",       kLoggedIn,        Needs::nothing,   &Session::deleteMailbox, Addressing::number, SequenceNumbers::unaffected,   "RFC 9051 6.3.5"},
    Command{"RENAME",       kLoggedIn,        Needs::nothing,   &Session::rename,       Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.3.6"},
    Command{"SUBSCRIBE",    kLoggedIn,        Needs::nothing,   &Session::subscribe,    Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.3.7"},
    Command{"UNSUBSCRIBE",  kLoggedIn,        Needs::nothing,   &Session::unsubscribe,  Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.3.8"},
    Command{"LIST",         kLoggedIn,        Needs::nothing,   &Session::list,         Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.3.9"},
    Command{"LSUB",         kLoggedIn,        Needs::nothing,   &Session::lsub,         Addressing::number,  SequenceNumbers::unaffected,   "RFC 3501 6.3.9"},
    Command{"NAMESPACE",    kLoggedIn,        Needs::nothing,   &Session::nameSpace,    Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.3.10"},
    Command{"STATUS",       kLoggedIn,        Needs::nothing,   &Session::status,       Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.3.11"},
    Command{"APPEND",       kLoggedIn,        Needs::nothing,   &Session::append,       Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.3.12"},
    Command{"IDLE",         kLoggedIn,        Needs::nothing,   &Session::idle,         Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.3.13"},
    Command{"GETQUOTA",     kLoggedIn,        Needs::nothing,   &Session::getQuota,     Addressing::number,  SequenceNumbers::unaffected,   "RFC 9208 4.1.1"},
    Command{"GETQUOTAROOT", kLoggedIn,        Needs::nothing,   &Session::getQuotaRoot, Addressing::number,  SequenceNumbers::unaffected,   "RFC 9208 4.1.2"},
    Command{"CHECK",        kSelected,        Needs::nothing,   &Session::noop,         Addressing::number,  SequenceNumbers::unaffected,   "RFC 3501 6.4.1"},
    Command{"CLOSE",        kSelected,        Needs::nothing,   &Session::close,        Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.4.1"},
    Command{"UNSELECT",     kSelected,        Needs::nothing,   &Session::unselect,     Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.4.2"},
    Command{"EXPUNGE",      kSelected,        Needs::writable,  &Session::expunge,      Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.4.3"},
    Command{"SEARCH",       kSelected,        Needs::nothing,   &Session::search,       Addressing::number,  SequenceNumbers::used,         "RFC 9051 6.4.4"},
    Command{"SORT",         kSelected,        Needs::nothing,   &Session::sort,         Addressing::number,  SequenceNumbers::used,         "RFC 5256 3"},
    Command{"THREAD",       kSelected,        Needs::nothing,   &Session::thread,       Addressing::number,  SequenceNumbers::used,         "RFC 5256 3"},
    Command{"FETCH",        kSelected,        Needs::nothing,   &Session::fetch,        Addressing::number,  SequenceNumbers::used,         "RFC 9051 6.4.5"},
    Command{"STORE",        kSelected,        Needs::writable,  &Session::store,        Addressing::number,  SequenceNumbers::used,         "RFC 9051 6.4.6"},
    Command{"COPY",         kSelected,        Needs::nothing,   &Session::copy,         Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.4.7"},
    Command{"MOVE",         kSelected,        Needs::writable,  &Session::move,         Addressing::number,  SequenceNumbers::unaffected,   "RFC 9051 6.4.8"},
    Command{"UID SEARCH",   kSelected,        Needs::nothing,   &Session::search,       Addressing::uid,     SequenceNumbers::unaffected,   "RFC 9051 6.4.9"},
    Command{"UID SORT",     kSelected,        Needs::nothing,   &Session::sort,         Addressing::uid,     SequenceNumbers::unaffected,   "RFC 5256 3"},
    Command{"UID THREAD",   kSelected,        Needs::nothing,   &Session::thread,       Addressing::uid,     SequenceNumbers::unaffected,   "RFC 5256 3"},
    Command{"UID FETCH",    kSelected,        Needs::nothing,   &Session::fetch,        Addressing::uid,     SequenceNumbers::unaffected,   "RFC 9051 6.4.9"},
    Command{"UID STORE",    kSelected,        Needs::writable,  &Session::store,        Addressing::uid,     SequenceNumbers::unaffected,   "RFC 9051 6.4.9"},
    Command{"UID COPY",     kSelected,        Needs::nothing,   &Session::copy,         Addressing::uid,     SequenceNumbers::unaffected,   "RFC 9051 6.4.9"},
    Command{"UID MOVE",     kSelected,        Needs::writable,  &Session::move,         Addressing::uid,     SequenceNumbers::unaffected,   "RFC 9051 6.4.9"},
    Command{"UID EXPUNGE",  kSelected,        Needs::writable,  &Session::expunge,      Addressing::uid,     SequenceNumbers::unaffected,   "RFC 9051 6.4.9"},
};
// clang-format on

/// Null for a verb we do not know. REQUIRES: in capitals.
[[nodiscard]] constexpr const Command* findCommand(std::string_view verb) {
  for (const Command& command : kCommands) {
    if (command.verb == verb) return &command;
  }
  return nullptr;
}

}  // namespace ostler::imap
