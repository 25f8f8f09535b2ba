#include "libmailcore/receiving/checks.h"

#include <algorithm>
#include <array>

namespace ostler::receiving {
namespace {

constexpr std::array kChecks = {
    //    name               stage             judge            gives way  written in
    Check{"closed",          Stage::connect,   &closed,         false,     "RFC 7504 3"},
    Check{"access_list",     Stage::connect,   &accessList,     false,     "RFC 5321 3.1"},
    Check{"connection_rate", Stage::connect,   &connectionRate, false,     "RFC 5321 3.8"},
    Check{"early_talker",    Stage::greeting,  &earlyTalker,    false,     "RFC 5321 3.1"},
    Check{"pipelining",      Stage::command,   &pipelining,     false,     "RFC 2920 3.1"},
    Check{"tls_required",    Stage::mail,      &tlsRequired,    false,     "RFC 3207 4"},
    Check{"login_required",  Stage::mail,      &loginRequired,  false,     "RFC 4954 6"},
    Check{"session_limits",  Stage::mail,      &sessionLimits,  false,     "RFC 5321 3.8"},
    Check{"own_name",        Stage::mail,      &ownName,        true,      "RFC 5321 4.1.4"},
    Check{"message_rate",    Stage::mail,      &messageRate,    true,      "RFC 5321 7.8"},
    Check{"recipient_limit", Stage::rcpt,      &recipientLimit, false,     "RFC 5321 4.5.3.1.10"},
    Check{"recipient_rate",  Stage::rcpt,      &recipientRate,  false,     "RFC 5321 7.8"},
    Check{"binary_content",  Stage::data,      &binaryContent,  false,     "RFC 3030 3"},
    Check{"content_size",    Stage::endOfData, &contentSize,    false,     "RFC 1870 6.3"},
    Check{"line_ends",       Stage::endOfData, &lineEnds,       false,     "RFC 5321 2.3.8"},
    Check{"hop_limit",       Stage::endOfData, &hopLimit,       false,     "RFC 5321 6.3"},
};

}  // namespace

bool Visit::isOn(const std::vector<net::Cidr>& list) const {
  return client != nullptr && std::any_of(list.begin(), list.end(), [this](const net::Cidr& range) { return range.contains(*client); });
}

std::span<const Check> allChecks() {
  return kChecks;
}

std::string_view nameOf(Stage stage) {
  constexpr std::array<std::string_view, 7> kNames = {"connect", "greeting", "command", "mail", "rcpt", "data", "end of data"};
  return kNames.at(static_cast<std::size_t>(stage));
}

std::optional<Objection> ask(Stage stage, const Visit& visit) {
  for (const Check& check : kChecks) {
    if (check.stage != stage) continue;
    if (auto reply = check.judge(visit)) return Objection{check.name, std::move(*reply), check.givesWay};
  }
  return std::nullopt;
}

}  // namespace ostler::receiving
