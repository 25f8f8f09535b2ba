// report.h - which recipients the sender is told of, and the report as a message of ours. Pure.
// RFC 3461 4.1 (NOTIFY), 4.3 (RET), 5.2; RFC 3464 2. A report is sent with the null reverse-path and NOTIFY=NEVER, so that none
// is ever sent about one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libmailcore/config/config.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/message/dsn.h"
#include "libmailcore/message/dsn_words.h"
#include "queued/spool/records.h"

namespace ostler::report {

/// What became of one recipient, to be told.
struct Ending {
  std::uint32_t recipient = 0;  ///< index in the record
  message::DsnAction action = message::DsnAction::failed;
  ipc::SmtpReply reply;
  std::string remoteHost;  ///< who said `reply`, or `heard`: "mx.example.net [192.0.2.1]:25"; empty: our own word
  std::string member;      ///< the mailbox that is meant, of an alias of which others have it; empty: all of the recipient
  std::optional<ipc::SmtpReply> heard;  ///< what it said last, where `reply` is our verdict after it
  WallTime willRetryUntil{};
  bool isAsked = false;  ///< told although NOTIFY does not say so: RFC 2852 4.1.4
};

/// Does the sender want to hear this? RFC 3461 4.1: without NOTIFY, failures and delays.
[[nodiscard]] bool isWanted(const ipc::Recipient& recipient, message::DsnAction action);

struct Report {
  spool::MessageRecord record;
  std::string content;
};
/// REQUIRES: a reverse-path, and at least one ending. `content`: of the message, its header at least.
/// `words`: the languages of its text.
[[nodiscard]] Report build(const config::Config& config, const spool::MessageRecord& about, const std::vector<Ending>& endings,
                           std::string_view content, WallTime now, const std::vector<message::DsnWords>& words = {});

/// Octets of a reply that are kept and told; nobody reads more.
inline constexpr std::size_t kLongestReply = 2000;
/// "450 4.2.0 text", lines joined.
[[nodiscard]] std::string oneLine(const ipc::SmtpReply& reply);
/// The reason of a deferral or failure with who gave it, for the list and the log.
[[nodiscard]] std::string withHost(const ipc::SmtpReply& reply, const std::string& remoteHost);

}  // namespace ostler::report
