// dsn.h - delivery status notifications: the reports a mail server sends, as whole messages.
// RFC 3461 (when and what), RFC 3462/6522 (multipart/report), RFC 3464 (fields), RFC 6533 (UTF-8), RFC 3834
// (Auto-Submitted).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/base/clock.h"

namespace ostler::message {

/// RFC 3464 2.3.3.
enum class DsnAction { failed, delayed, delivered, relayed, expanded };

/// What became of one recipient. Addresses without brackets, UTF-8 where they are.
struct DsnRecipient {
  std::string recipient;          ///< the final recipient
  std::string originalRecipient;  ///< ORCPT, decoded, "type;address"; empty: none
  DsnAction action = DsnAction::failed;
  std::string status;             ///< "5.1.1"
  std::string remoteMta;          ///< the host that answered; empty: the decision was ours
  std::string diagnostic;         ///< its reply, "550 5.1.1 no such user"; or our reason in words
  bool diagnosticIsSmtp = false;  ///< the diagnostic is a reply of SMTP or LMTP
  std::optional<WallTime> lastAttempt;
  std::optional<WallTime> willRetryUntil;  ///< of a delayed one
};

class DsnWords;

/// How much of the message goes back. RFC 3461 4.3.
enum class DsnReturn { headers, full };

struct DsnRequest {
  std::string reportingMta;  ///< this server's name
  std::string postmaster;    ///< From of the report: "postmaster@example.org"
  std::string to;            ///< the reverse-path of the message; REQUIRES: not empty
  std::string messageId;     ///< without brackets; of the report
  std::string envelopeId;    ///< ENVID, decoded; empty: none
  std::string queueId;       ///< of the message, for the administrator
  WallTime arrived;
  std::optional<WallTime> deliverBy;  ///< when it should have arrived: RFC 2852 5
  std::optional<WallTime> heldUntil;  ///< by its sender's wish: RFC 4865
  WallTime now;
  DsnReturn returned = DsnReturn::headers;
  std::vector<DsnRecipient> recipients;   ///< REQUIRES: at least one
  std::string_view content;               ///< of the message; outlives the call
  bool smtpUtf8 = false;                  ///< the sender takes internationalized reports: RFC 6533
  std::vector<const DsnWords*> words;     ///< languages of its text, one below the other; none: English. See dsn_words.h
  std::size_t maxReturnedOctets = 65536;  ///< more than this returns headers alone, whatever RET says
};

/// The report with CRLF line ends. To be sent with the null reverse-path (RFC 3464 2) and NOTIFY=NEVER.
[[nodiscard]] std::string buildDsn(const DsnRequest& request);

}  // namespace ostler::message
