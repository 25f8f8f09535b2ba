// gssapi.h - GSSAPI: the client shows a Kerberos ticket for our service. RFC 4752.
// Is not: Kerberos itself (gss_context.h). No security layer is offered: TLS is that.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::sasl {

class GssContext;
class Mechanism;
struct Context;

/// What GSSAPI works with.
struct GssSettings {
  std::shared_ptr<GssContext> context;  ///< null: nobody can log in so
  std::string service;                  ///< the ticket must be for it: "smtp", "imap", "pop"
  std::string realm;                    ///< of our users; empty: that of the key that the ticket is for
  std::string domain;                   ///< where their mailboxes are; empty: the realm in lower case
};

/// Whose mailbox a principal may open: "alice@EXAMPLE.TEST" is alice@example.test's. Principals of services and of
/// administrators ("host/...", "alice/admin") have none, nor has anybody of another realm.
/// Errors: denied, with the reason for the log.
[[nodiscard]] Result<std::string> userOfPrincipal(const GssSettings& settings, std::string_view initiator, std::string_view acceptor);

[[nodiscard]] std::unique_ptr<Mechanism> makeGssapi(Context context);

}  // namespace ostler::sasl
