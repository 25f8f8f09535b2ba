// session_query.cc - commands that ask: VRFY, EXPN, ETRN, HELP. RFC 5321 3.5, 4.1.1.6 to 4.1.1.8; RFC 1985; RFC 6531 3.7.4.2.
// Who may ask is the virtual server's setting; what is true is asked of queued.
#include "libmailcore/base/ascii.h"
#include "libmailcore/ipc/envelope.h"
#include "smtpd/commands.h"

namespace ostler::smtpd {
namespace {

using namespace std::chrono_literals;
using smtp::Reply;

constexpr std::size_t kMostArgument = 320;  // RFC 5321 4.5.3.1: 64 + 1 + 255

struct NameAsked {
  std::string name;
  bool smtpUtf8 = false;  ///< the client reads replies of UTF-8: RFC 6531 3.7.4.2
};

// "<alice@example.test>" or "alice", and " SMTPUTF8" behind it; nothing when it cannot be a name.
std::optional<NameAsked> nameAsked(std::string_view argument) {
  constexpr std::string_view kParameter = " SMTPUTF8";
  const std::size_t end = argument.size() - std::min(argument.size(), kParameter.size());
  const bool smtpUtf8 = equalsIgnoreCase(argument.substr(end), kParameter);
  if (smtpUtf8) argument = trim(argument.substr(0, end));
  if (argument.starts_with('<') && argument.ends_with('>')) argument = argument.substr(1, argument.size() - 2);
  if (argument.empty() || argument.size() > kMostArgument) return std::nullopt;
  for (const char c : argument) {
    if (isAsciiControl(c) || c == '<' || c == '>') return std::nullopt;
  }
  return NameAsked{std::string(argument), smtpUtf8};
}

// What is beyond ASCII goes to who reads it.
Reply readable(const ipc::SmtpReply& answer, bool smtpUtf8) {
  if (smtpUtf8 || isAllAscii(answer.text)) return toReply(answer);
  return {252, "2.6.8", "The answer needs SMTPUTF8"};
}

// "example.com", "@example.com", "#queue": RFC 1985 5.
bool isEtrnArgument(std::string_view argument) {
  if (argument.starts_with('@')) return smtp::isDomain(argument.substr(1));
  if (!argument.starts_with('#')) return smtp::isDomain(argument);
  for (const char c : argument.substr(1)) {
    if (c <= ' ' || c > '~') return false;
  }
  return argument.size() > 1 && argument.size() <= kMostArgument;
}

}  // namespace

bool Session::mayAsk(config::Askers who) const {
  switch (who) {
    case config::Askers::nobody:
      return false;
    case config::Askers::authenticated:
      return isAuthenticated();
    case config::Askers::listed:
      return isAuthenticated() || visit().isOn(server_.relayFrom);
    case config::Askers::everybody:
      return true;
  }
  return false;
}

// Which addresses exist is nobody's business unless the administrator says so: RFC 5321 7.3. Queued decides, as it knows a domain's
// peers.
Task<smtp::Reply> Session::vrfy(std::string_view argument) {
  const auto name = nameAsked(argument);
  if (!name) co_return Reply{501, "5.5.4", "VRFY needs an address"};
  if (!name->smtpUtf8 && !isAllAscii(name->name)) co_return Reply{553, "5.6.7", "This address needs SMTPUTF8"};
  const Result<ipc::SmtpReply> answer = co_await around_.policy.verify({info_, name->name, false}, Deadline::after(kPolicyTime));
  if (!answer) co_return unavailable("vrfy", answer.error());
  co_return readable(*answer, name->smtpUtf8);
}

Task<smtp::Reply> Session::expn(std::string_view argument) {
  const auto name = nameAsked(argument);
  if (!name) co_return Reply{501, "5.5.4", "EXPN needs the name of a list"};
  if (!mayAsk(server_.expn)) co_return Reply{550, "5.7.1", "Lists are not shown to you"};
  if (!name->smtpUtf8 && !isAllAscii(name->name)) co_return Reply{553, "5.6.7", "This address needs SMTPUTF8"};
  const Result<ipc::SmtpReply> answer = co_await around_.policy.verify({info_, name->name, true}, Deadline::after(kPolicyTime));
  if (!answer) co_return unavailable("expn", answer.error());
  co_return readable(*answer, name->smtpUtf8);
}

Task<smtp::Reply> Session::etrn(std::string_view argument) {
  if (!isEtrnArgument(argument)) co_return Reply{501, "5.5.4", "ETRN needs a domain, @domain or #queue"};
  if (!mayAsk(server_.etrn)) co_return Reply{459, "4.7.1", "You may not start this queue"};
  const receiving::Visit now = visit();
  const bool tooOften = !now.isExempt() && !around_.rates.take(receiving::clientKey("etrn" + server_.name, clientAddress_), server_.rates.etrn, now.now);
  if (tooOften) co_return Reply{458, "4.7.1", "Asked too often, try again later"};
  const Result<ipc::SmtpReply> answer = co_await around_.policy.etrn({info_, std::string(argument)}, Deadline::after(kPolicyTime));
  if (answer) co_return toReply(*answer);
  (void)unavailable("etrn", answer.error());
  co_return Reply{458, "4.3.0", "The queue does not answer, try again later"};
}

Task<smtp::Reply> Session::help(std::string_view) {
  std::string text = "Commands:";
  for (const Command& command : Commands::kTable) {
    if (command.needs != Needs::trust && Commands::find(command.verb, kind_)) text += " " + std::string(command.verb);
  }
  co_return Reply{214, "2.0.0", text};
}

}  // namespace ostler::smtpd
