// login.h - logging in: smtpd, pop3d, imapd → auth. A SASL conversation (RFC 4422), or one step of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libmailcore/base/ids.h"
#include "libmailcore/ipc/session_info.h"

namespace ostler::ipc {

/// What the rest of the suite may know of an account.
struct Account {
  Id128 id;             ///< its folder: accounts/<id>
  std::string address;  ///< canonical "alice@example.test"
  std::uint64_t quotaOctets = 0;    ///< 0: unlimited
  std::uint64_t quotaMessages = 0;
  std::uint64_t messageSize = 0;
  template <class V>
  void fields(V& v) {
    v(id, address, quotaOctets, quotaMessages, messageSize);
  }
};

/// Comes with the account's folder (O_PATH) in LoginReply::succeeded for pop3 and imap; none for smtp.
struct LoginReply {
  static constexpr std::uint16_t kType = 101;
  using Reply = void;
  enum class State : std::uint8_t { challenge, succeeded, failed, unavailable };
  State state = State::failed;
  std::uint64_t conversation = 0;  ///< challenge: to be named in LoginContinue
  std::string data;                ///< challenge (raw octets, not base64), or the server's last message of SCRAM
  Account account;                 ///< succeeded; failed: `address` alone, whom the client named, for the log
  std::string token;               ///< succeeded: bound to the ipc connection it was given on; gone when that closes
  std::string reason;              ///< failed: for the log. "credentials" "locked-out" "disabled" ...
  std::string told;                ///< failed: what the client may hear, where that is more than that it failed; a temporary failure then
  template <class V>
  void fields(V& v) {
    v(state, conversation, data, account, token, reason, told);
  }
};

struct LoginStart {
  static constexpr std::uint16_t kType = 100;
  using Reply = LoginReply;
  SessionInfo session;
  std::string mechanism;                  ///< upper case
  std::optional<std::string> initial;     ///< raw octets of the initial response
  std::string tlsExporter;                ///< channel binding data where TLS gives it
  std::string tlsServerEndPoint;
  std::vector<std::string> tlsPeerAddresses;  ///< mail addresses of the client's verified certificate: for EXTERNAL
  template <class V>
  void fields(V& v) {
    v(session, mechanism, initial, tlsExporter, tlsServerEndPoint, tlsPeerAddresses);
  }
};

struct LoginContinue {
  static constexpr std::uint16_t kType = 102;
  using Reply = LoginReply;
  std::uint64_t conversation = 0;
  std::string response;  ///< raw octets
  template <class V>
  void fields(V& v) {
    v(conversation, response);
  }
};

/// The client sent "*", or went away.
struct LoginCancel {
  static constexpr std::uint16_t kType = 103;
  using Reply = void;
  std::uint64_t conversation = 0;
  template <class V>
  void fields(V& v) {
    v(conversation);
  }
};

}  // namespace ostler::ipc
