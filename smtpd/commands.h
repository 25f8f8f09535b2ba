// commands.h - every command of SMTP, submission and LMTP in one table: where it is legal, what it needs, who does it.
// Dispatch checks the row and HELP is made from it; handlers do not ask again whether they are legal.
#pragma once

#include <array>
#include <string_view>

#include "smtpd/session.h"

namespace ostler::smtpd {

/// What must be true of the session beside its state.
enum class Needs {
  nothing,
  clearText,  ///< TLS is offered and not begun
  login,      ///< AUTH is offered, and was not successful yet
  trust,      ///< the virtual server lists the host that is connected
};

/// Which protocols know the verb. A set of them.
struct Spoken {
  static constexpr unsigned smtp = 1;  ///< mx and submission
  static constexpr unsigned lmtp = 2;
  static constexpr unsigned odmr = 4;
  static constexpr unsigned mail = smtp | lmtp;
  static constexpr unsigned noLmtp = smtp | odmr;
  static constexpr unsigned byAll = smtp | lmtp | odmr;
};

/// What the client may send behind the command before it has our reply: RFC 2920 3.1. A chunk is read even when its command is refused.
enum class Behind { commands, nothing, chunk };

struct Command {
  std::string_view verb;
  unsigned legalIn;
  Needs needs;
  unsigned spoken;
  Behind behind;
  Task<smtp::Reply> (Session::*handler)(std::string_view argument);
  std::string_view writtenIn;
};

struct Commands {
  using S = Session;
  static constexpr unsigned kAnyState = S::connected | S::greeted | S::mailOpen | S::rcptOpen | S::bdatOpen;
  static constexpr unsigned kNoMail = S::connected | S::greeted;
  // clang-format off
  static constexpr std::array kTable = {
      //      verb        legal in                       needs             spoken          behind it         handler       written in
      Command{"EHLO",     kAnyState,                     Needs::nothing,   Spoken::noLmtp, Behind::nothing,  &S::ehlo,     "RFC 5321 4.1.1.1"},
      Command{"HELO",     kAnyState,                     Needs::nothing,   Spoken::noLmtp, Behind::nothing,  &S::helo,     "RFC 5321 4.1.1.1"},
      Command{"LHLO",     kAnyState,                     Needs::nothing,   Spoken::lmtp,   Behind::nothing,  &S::lhlo,     "RFC 2033 4.1"},
      Command{"STARTTLS", kNoMail,                       Needs::clearText, Spoken::byAll,  Behind::nothing,  &S::startTls, "RFC 3207 4"},
      Command{"AUTH",     S::greeted,                    Needs::login,     Spoken::noLmtp, Behind::nothing,  &S::auth,     "RFC 4954 4"},
      Command{"MAIL",     S::greeted,                    Needs::nothing,   Spoken::mail,   Behind::commands, &S::mail,     "RFC 5321 4.1.1.2"},
      Command{"RCPT",     S::mailOpen | S::rcptOpen,     Needs::nothing,   Spoken::mail,   Behind::commands, &S::rcpt,     "RFC 5321 4.1.1.3"},
      Command{"DATA",     S::rcptOpen,                   Needs::nothing,   Spoken::mail,   Behind::nothing,  &S::data,     "RFC 5321 4.1.1.4"},
      Command{"BDAT",     S::rcptOpen | S::bdatOpen,     Needs::nothing,   Spoken::mail,   Behind::chunk,    &S::bdat,     "RFC 3030 2"},
      Command{"RSET",     kAnyState,                     Needs::nothing,   Spoken::byAll,  Behind::commands, &S::rset,     "RFC 5321 4.1.1.5"},
      Command{"NOOP",     kAnyState,                     Needs::nothing,   Spoken::byAll,  Behind::nothing,  &S::noop,     "RFC 5321 4.1.1.9"},
      Command{"VRFY",     kAnyState,                     Needs::nothing,   Spoken::mail,   Behind::nothing,  &S::vrfy,     "RFC 5321 4.1.1.6"},
      Command{"EXPN",     kAnyState,                     Needs::nothing,   Spoken::mail,   Behind::nothing,  &S::expn,     "RFC 5321 4.1.1.7"},
      Command{"ETRN",     S::greeted,                    Needs::nothing,   Spoken::smtp,   Behind::commands, &S::etrn,     "RFC 1985 5"},
      Command{"ATRN",     S::greeted,                    Needs::nothing,   Spoken::odmr,   Behind::nothing,  &S::atrn,     "RFC 2645 5.2.1"},
      Command{"XCLIENT",  kNoMail,                       Needs::trust,     Spoken::mail,   Behind::nothing,  &S::xclient,  "Postfix's XCLIENT_README"},
      Command{"XFORWARD", kNoMail,                       Needs::trust,     Spoken::mail,   Behind::commands, &S::xforward, "Postfix's XFORWARD_README"},
      Command{"HELP",     kAnyState,                     Needs::nothing,   Spoken::byAll,  Behind::commands, &S::help,     "RFC 5321 4.1.1.8"},
      Command{"QUIT",     kAnyState,                     Needs::nothing,   Spoken::byAll,  Behind::commands, &S::quit,     "RFC 5321 4.1.1.10"},
  };
  // clang-format on

  /// The row of a verb on a listener of that kind; null when it is not spoken there.
  [[nodiscard]] static const Command* find(std::string_view verb, config::SmtpKind kind);
  /// Is it spoken anywhere?
  [[nodiscard]] static bool isKnown(std::string_view verb);
};

}  // namespace ostler::smtpd
