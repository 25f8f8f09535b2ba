#include "smtpd/extensions.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>

namespace ostler::smtpd {
namespace {

using Offered = std::optional<std::string>;

Offered when(bool condition) {
  return condition ? Offered("") : std::nullopt;
}
bool isLmtp(const OfferTo& to) {
  return to.kind == config::SmtpKind::lmtp;
}

bool isOdmr(const OfferTo& to) {
  return to.kind == config::SmtpKind::odmr;
}

Offered always(const OfferTo&) {
  return "";
}
Offered unlessLmtp(const OfferTo& to) {
  return when(!isLmtp(to));
}
Offered size(const OfferTo& to) {
  return " " + std::to_string(to.server.limits.messageSize.octets);
}
Offered startTls(const OfferTo& to) {
  return when(to.startTls);
}
Offered auth(const OfferTo& to) {
  if (to.mechanisms.empty()) return std::nullopt;
  std::string words;
  for (const std::string& mechanism : to.mechanisms) words += " " + mechanism;
  return words;
}
// A hold is for our users: RFC 4865 1.
Offered futureRelease(const OfferTo& to) {
  const auto most = to.server.limits.futureRelease;
  if (most.count() == 0 || to.kind != config::SmtpKind::submission) return std::nullopt;
  const auto until = std::chrono::floor<std::chrono::seconds>(to.now + most);
  return fmt::format(" {} {:%Y-%m-%dT%H:%M:%SZ}", most.count(), fmt::gmtime(std::chrono::system_clock::to_time_t(until)));
}
// Only over TLS: RFC 8689 2.
Offered requireTls(const OfferTo& to) {
  return when(to.tls && !isLmtp(to));
}
Offered limits(const OfferTo& to) {
  std::string words;
  const config::SmtpLimits& limits = to.server.limits;
  if (limits.messagesPerConnection != 0) words += fmt::format(" MAILMAX={}", limits.messagesPerConnection);
  if (limits.recipients != 0) words += fmt::format(" RCPTMAX={}", limits.recipients);
  return words.empty() ? Offered() : words;
}
Offered etrn(const OfferTo& to) {
  return when(to.mayStart && !isLmtp(to));
}
Offered atrn(const OfferTo& to) {
  return when(isOdmr(to));
}
Offered vrfy(const OfferTo& to) {
  return when(to.mayVerify);
}
Offered expn(const OfferTo& to) {
  return when(to.mayExpand);
}
Offered xclient(const OfferTo& to) {
  return to.mayXclient ? Offered(" NAME ADDR PORT PROTO HELO DESTADDR DESTPORT") : std::nullopt;
}
Offered xforward(const OfferTo& to) {
  return to.mayXforward ? Offered(" NAME ADDR PORT PROTO HELO IDENT SOURCE") : std::nullopt;
}

constexpr std::array kExtensions = {
    //        keyword                 when            on ODMR  written in
    Extension{"PIPELINING",          &always,        false,   "RFC 2920 3"},
    Extension{"SIZE",                &size,          false,   "RFC 1870 4"},
    Extension{"8BITMIME",            &always,        false,   "RFC 6152 2"},
    Extension{"SMTPUTF8",            &always,        false,   "RFC 6531 3.1"},
    Extension{"ENHANCEDSTATUSCODES", &always,        true,    "RFC 2034 3"},
    Extension{"CHUNKING",            &always,        false,   "RFC 3030 2"},
    Extension{"BINARYMIME",          &always,        false,   "RFC 3030 3"},
    Extension{"DSN",                 &always,        false,   "RFC 3461 4"},
    Extension{"STARTTLS",            &startTls,      true,    "RFC 3207 2"},
    Extension{"AUTH",                &auth,          true,    "RFC 4954 3"},
    Extension{"DELIVERBY",           &unlessLmtp,    false,   "RFC 2852 3"},
    Extension{"FUTURERELEASE",       &futureRelease, false,   "RFC 4865 4"},
    Extension{"MT-PRIORITY",         &unlessLmtp,    false,   "RFC 6710 2"},
    Extension{"REQUIRETLS",          &requireTls,    false,   "RFC 8689 2"},
    Extension{"LIMITS",              &limits,        false,   "RFC 9422 3"},
    Extension{"ETRN",                &etrn,          false,   "RFC 1985 3"},
    Extension{"ATRN",                &atrn,          true,    "RFC 2645 5.1"},
    Extension{"VRFY",                &vrfy,          false,   "RFC 5321 4.1.1.6"},
    Extension{"EXPN",                &expn,          false,   "RFC 5321 4.1.1.7"},
    Extension{"HELP",                &always,        true,    "RFC 5321 4.1.1.8"},
    Extension{"XCLIENT",             &xclient,       false,   "Postfix's XCLIENT_README"},
    Extension{"XFORWARD",            &xforward,      false,   "Postfix's XFORWARD_README"},
};

Offered offered(const Extension& extension, const OfferTo& to) {
  return isOdmr(to) && !extension.onOdmr ? std::nullopt : extension.offer(to);
}

}  // namespace

std::span<const Extension> allExtensions() {
  return kExtensions;
}

bool isOffered(std::string_view keyword, const OfferTo& to) {
  for (const Extension& extension : kExtensions) {
    if (extension.keyword == keyword) return offered(extension, to).has_value();
  }
  return false;
}

std::string offerText(const OfferTo& to) {
  std::string text;
  for (const Extension& extension : kExtensions) {
    if (const Offered parameters = offered(extension, to)) text += "\n" + std::string(extension.keyword) + *parameters;
  }
  return text;
}

}  // namespace ostler::smtpd
