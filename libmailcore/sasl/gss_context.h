// gss_context.h - the acceptor's side of one GSS-API security context, as far as GSSAPI (gssapi.h) needs it. RFC 2743.
// An interface: Kerberos's own library stands behind it (RFC 4121), or nothing where Ostler was built without it; tests have another.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "libmailcore/base/result.h"

namespace ostler::sasl {

/// One thread at a time.
class GssContext {
 public:
  struct Answer {
    std::string token;  ///< for the client; may be empty
    bool established = false;
  };
  virtual ~GssContext() = default;
  /// Reads the keytab and writes the replay cache: belongs on a pool. Errors: denied (the ticket is not good: why, for the log),
  /// temporary (the keytab cannot be read).
  [[nodiscard]] virtual Result<Answer> accept(std::string_view token) = 0;

  // REQUIRES: established.
  [[nodiscard]] virtual std::string initiator() const = 0;  ///< "alice@EXAMPLE.TEST"
  [[nodiscard]] virtual std::string acceptor() const = 0;   ///< "smtp/mail.example.test@EXAMPLE.TEST": whom the ticket is for
  /// With integrity, in clear text. Errors: denied.
  [[nodiscard]] virtual Result<std::string> wrap(std::string_view octets) = 0;
  [[nodiscard]] virtual Result<std::string> unwrap(std::string_view octets) = 0;
};

struct KerberosFiles {
  std::string keytab;
  std::string replayCache;  ///< made when it is not there; who can write it can let tickets be used twice
};

/// Was Ostler built with Kerberos?
[[nodiscard]] bool hasKerberos();
/// Touches no file yet. Null: it was not.
[[nodiscard]] std::shared_ptr<GssContext> makeKerberosContext(KerberosFiles files);

}  // namespace ostler::sasl
