// mechanism.h - the server's side of SASL as state machines: octets in, one Step out. RFC 4422 3.
// Is not: base64, AUTH lines, IMAP tags (the daemons'), nor look-ups and slow hashing: a machine that needs one says so
// with a Step, and is told the result when the caller has it. So the machines are pure and hashing can run wherever the
// caller wants.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "libmailcore/sasl/gss_context.h"
#include "libmailcore/sasl/gssapi.h"
#include "libmailcore/sasl/jwt.h"
#include "libmailcore/sasl/verifiers.h"

namespace ostler::sasl {

/// Send this (raw octets) and give what the client answers to response().
struct Challenge {
  std::string data;
};
/// Check this password, then call passwordChecked().
struct CheckPassword {
  std::string user;
  std::string password;
};
/// Look this user up, then call verifiersFound().
struct FindVerifiers {
  std::string user;
};
/// Ask the authorization server about this token (RFC 7662), then call introspected().
struct AskAboutToken {
  std::string token;
};
/// Let the context accept this token, which blocks, then call tokenAccepted().
struct AcceptToken {
  std::shared_ptr<GssContext> context;
  std::string token;
};
/// The client is `user`. `data` goes to the client with the success (SCRAM's server signature), empty if there is none.
struct Succeeded {
  std::string user;
  std::string authorizationId;  ///< as whom the client wants to act; empty: as itself
  std::string data;
};
struct Failed {
  std::string user;  ///< as far as it is known
  std::string
      reason;  ///< for the log: "credentials" (wrong), "malformed" (not of the mechanism's grammar), "channel-binding", "ticket"
  std::string data;  ///< goes to the client where the mechanism has words for it (SCRAM's e=)
  std::string detail{};  ///< for the log, where there is more to say
};
using Step = std::variant<Challenge, CheckPassword, FindVerifiers, AskAboutToken, AcceptToken, Succeeded, Failed>;

inline constexpr std::string_view kReasonCredentials = "credentials";
inline constexpr std::string_view kReasonMalformed = "malformed";
inline constexpr std::string_view kReasonChannelBinding = "channel-binding";
inline constexpr std::string_view kReasonTicket = "ticket";

/// One exchange. Calls follow what the last Step asked for; anything else is answered with Failed. After Succeeded or
/// Failed it is over.
class Mechanism {
 public:
  virtual ~Mechanism() = default;
  /// `initial`: the initial response, if the client sent one (an empty one is not the same as none: RFC 4954 4).
  [[nodiscard]] virtual Step start(std::optional<std::string_view> initial) = 0;
  [[nodiscard]] virtual Step response(std::string_view data) = 0;
  [[nodiscard]] virtual Step passwordChecked(bool correct);
  /// Null: no such user, or none that this mechanism can check. The client cannot tell (RFC 5802 9).
  [[nodiscard]] virtual Step verifiersFound(const Verifiers* verifiers);
  /// `answer`: what the authorization server said, whatever that is.
  [[nodiscard]] virtual Step introspected(std::string_view answer);
  /// What the context's accept() returned, but for its errors `temporary`.
  [[nodiscard]] virtual Step tokenAccepted(const Result<GssContext::Answer>& answer);
};

/// What a mechanism may need to know of its surroundings.
struct Context {
  std::string tlsExporter;        ///< RFC 9266; empty: none
  std::string tlsServerEndPoint;  ///< RFC 5929 4.1; empty: none
  bool plusOffered = false;       ///< was a -PLUS mechanism on the list the client saw? RFC 5802 6
  std::string hostName;           ///< in CRAM-MD5's challenge
  std::string fakeSaltKey;        ///< secret; from it come the salts of users that do not exist
  std::uint32_t fakeIterations = VerifierOptions{}.scramIterations;
  std::string serverNonce;  ///< tests alone; empty: random
  std::vector<std::string> peerAddresses;  ///< of the client's verified certificate: EXTERNAL
  TokenRules tokens;                       ///< OAUTHBEARER, XOAUTH2
  GssSettings gss;                         ///< GSSAPI
  WallTime now{};
};

/// One row of the table of all mechanisms.
struct MechanismInfo {
  std::string_view name;
  bool sendsPassword;     ///< the password itself crosses the wire: not without TLS
  bool bindsChannel;      ///< needs channel binding data
  bool needsRecoverable;  ///< works only for users with a recoverable secret
  std::string_view writtenIn;
  std::unique_ptr<Mechanism> (*make)(Context context);
};

/// In the order of preference.
[[nodiscard]] std::span<const MechanismInfo> allMechanisms();
/// Null: there is no such mechanism. `name` in upper case.
[[nodiscard]] const MechanismInfo* findMechanism(std::string_view name);

}  // namespace ostler::sasl
