// postfix_lines.h - our log as Postfix would have written it, for what reads Postfix's: pflogsumm, and who greps by habit. Pure.
// Is not: a format the daemons write; `ostler log --postfix` makes it of what they wrote.
// Shapes: postfix's smtpd(8), qmgr(8), local(8), bounce(8); time as RFC 3339, which pflogsumm 1.1.5 reads.
#pragma once

#include <string>
#include <string_view>

namespace ostler::log {

/// What Postfix says of the same event: lines that each end in LF, with `machine` for its name. Empty: it would say nothing.
///
/// accepted      smtpd ID: client=…, cleanup ID: message-id=…, qmgr ID: from=…, size=…, nrcpt=… (of local mail pickup ID: uid=…, of our own reports neither)
/// delivered     local or smtp ID: to=…, relay=…, delay=…, dsn=…, status=sent (reply)
/// deferred, failed                                       status=deferred, status=bounced
/// refused       smtpd NOQUEUE: reject: RCPT from unknown[…]: reply; from=… to=… proto=ESMTP helo=…
/// login-failed  smtpd warning: unknown[…]: SASL PLAIN authentication failed: reason (of submission)
/// report        bounce ID: sender non-delivery notification: ID
[[nodiscard]] std::string toPostfix(std::string_view line, std::string_view machine);

}  // namespace ostler::log
