// extensions.h - what EHLO and LHLO offer, in one table: each keyword with when it is offered and where it is written.
// Invariant: what is offered works, and what is not offered is refused when it is used.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/clock.h"
#include "libmailcore/config/config.h"

namespace ostler::smtpd {

/// What an offer depends on.
struct OfferTo {
  const config::VirtualServer& server;
  config::SmtpKind kind;
  bool tls = false;         ///< is active
  bool startTls = false;    ///< may begin
  bool mayVerify = false;   ///< VRFY is answered to this client
  bool mayExpand = false;   ///< EXPN
  bool mayStart = false;    ///< ETRN
  bool mayXclient = false;
  bool mayXforward = false;
  std::vector<std::string> mechanisms{};
  WallTime now{};
};

struct Extension {
  std::string_view keyword;
  /// Nothing: not offered. Else the parameters behind the keyword, with a space in front of each.
  std::optional<std::string> (*offer)(const OfferTo&);
  bool onOdmr;  ///< also where nothing but ATRN is spoken: RFC 2645 3
  std::string_view writtenIn;
};
[[nodiscard]] std::span<const Extension> allExtensions();
[[nodiscard]] bool isOffered(std::string_view keyword, const OfferTo& to);
/// The lines of EHLO behind the first, each with \n in front.
[[nodiscard]] std::string offerText(const OfferTo& to);

}  // namespace ostler::smtpd
