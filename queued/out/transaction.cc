#include "queued/out/transaction.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/dns/name.h"
#include "libmailcore/message/charset.h"
#include "libmailcore/smtp/verdict.h"

namespace ostler::out {
namespace {

/// Of a reply's text: a hundred recipients' must fit into one answer, and more than that nobody reads.
constexpr std::size_t kReplyKept = 2000;

// With an ASCII local part, a domain of U-labels can be written in A-labels, which every server takes (RFC 6531 3.2).
std::string inAsciiWherePossible(const std::string& path) {
  const std::size_t at = path.rfind('@');
  if (at == path.npos || isAllAscii(path) || !isAllAscii(path.substr(0, at))) return path;
  const Result<std::string> domain = dns::toAscii(path.substr(at + 1));
  return domain ? path.substr(0, at + 1) + *domain : path;
}

smtp::Recipient recipientOf(const ipc::Recipient& from) {
  smtp::Recipient out;
  out.forwardPath = inAsciiWherePossible(from.forwardPath);
  if (from.notifyGiven) {
    out.parameters.notify = smtp::Notify{(from.notify & ipc::Recipient::kNotifySuccess) != 0,
                                         (from.notify & ipc::Recipient::kNotifyFailure) != 0,
                                         (from.notify & ipc::Recipient::kNotifyDelay) != 0};
  }
  if (!from.orcpt.empty()) out.parameters.orcpt = smtp::OriginalRecipient::fromText(from.orcpt);
  return out;
}

// RFC 2852 4.1: what is left of the time. None left would say that the sender was told of it: that is the spool's word, not the clock's.
std::optional<smtp::DeliverBy> deadlineLeft(const ipc::Handling& handling, WallTime now) {
  using By = ipc::Handling::By;
  if (handling.by == By::none) return std::nullopt;
  const std::int64_t left = std::chrono::floor<std::chrono::seconds>(handling.deliverBy - now).count();
  const std::int64_t said = handling.by == By::notify ? std::max<std::int64_t>(left, 1) : handling.by == By::told ? std::min<std::int64_t>(left, 0) : left;
  return smtp::DeliverBy{said, handling.by == By::giveBack, handling.byTrace};
}

}  // namespace

smtp::Transaction transactionFor(const ipc::Deliver& request, const std::vector<std::size_t>& recipients, WallTime now) {
  smtp::Transaction out;
  const ipc::Envelope& envelope = request.envelope;
  out.reversePath = inAsciiWherePossible(envelope.reversePath);
  if (!envelope.envid.empty()) out.envid = envelope.envid;
  if (envelope.returned == ipc::Returned::full) out.ret = smtp::ReturnContent::full;
  if (envelope.returned == ipc::Returned::headers) out.ret = smtp::ReturnContent::headers;
  out.by = deadlineLeft(envelope.handling, now);
  out.priority = envelope.handling.priority;
  // RFC 8689 is of SMTP's relays; an LMTP server has no way to go on.
  out.requireTls = envelope.handling.requireTls && request.nextHop.kind != ipc::NextHop::Kind::lmtp;
  for (const std::size_t at : recipients) out.recipients.push_back(recipientOf(envelope.recipients[at]));
  return out;
}

ipc::RecipientOutcome outcomeOf(const smtp::Reply& reply, const std::string& remoteHost) {
  ipc::RecipientOutcome out;
  const smtp::Verdict verdict = smtp::judge(reply.code, reply.enhanced).verdict;
  out.state = verdict == smtp::Verdict::delivered ? ipc::RecipientOutcome::State::delivered
              : verdict == smtp::Verdict::failed  ? ipc::RecipientOutcome::State::failed
                                                  : ipc::RecipientOutcome::State::deferred;
  out.reply.code = static_cast<std::uint16_t>(reply.code);
  out.reply.enhanced = reply.enhanced;  // none is made up: a report has the server's own words (RFC 3464 2.3.6)
  out.reply.text = message::cutUtf8(reply.text, kReplyKept);
  out.remoteHost = remoteHost;
  out.isOurWord = reply.isOurs || remoteHost.empty();
  return out;
}

}  // namespace ostler::out
