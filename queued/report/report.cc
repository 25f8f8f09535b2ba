#include "queued/report/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/message/charset.h"
#include "libmailcore/message/header.h"
#include "libmailcore/message/octet_scan.h"

namespace ostler::report {

namespace {

using message::DsnAction;

/// A program or a file behind an alias: where it lies and how it is called is this machine's alone. What it says is meant for the sender.
bool isOfThisMachine(const ipc::Recipient& recipient) { return recipient.forwardPath.starts_with('|') || recipient.forwardPath.starts_with('/'); }

/// The address behind which it is.
const ipc::Recipient& shownFor(const spool::MessageRecord& about, std::uint32_t at) {
  while (isOfThisMachine(about.recipients[at].recipient) && about.recipients[at].parent != spool::RecipientRecord::kNoParent) at = about.recipients[at].parent;
  return about.recipients[at].recipient;
}

/// "/usr/bin/robot" of "|/usr/bin/robot --password x".
std::string_view pathOf(std::string_view target) {
  const std::size_t begin = std::min(target.find('/'), target.size());
  return target.substr(begin, target.find_first_of(" \t", begin) - begin);
}

const char* wordsForThisMachine(DsnAction action) {
  switch (action) {
    case DsnAction::failed: return "What takes mail for this address refused it";
    case DsnAction::delayed: return "What takes mail for this address cannot take it now";
    default: return "Delivered";
  }
}

message::DsnRecipient toDsn(const spool::MessageRecord& about, const Ending& ending, WallTime now) {
  const ipc::Recipient& recipient = shownFor(about, ending.recipient);
  message::DsnRecipient dsn;
  dsn.recipient = recipient.forwardPath;
  dsn.originalRecipient = recipient.orcpt;
  if (!ending.member.empty()) {
    if (dsn.originalRecipient.empty()) dsn.originalRecipient = (isAllAscii(recipient.forwardPath) ? "rfc822;" : "utf-8;") + recipient.forwardPath;
    dsn.recipient = ending.member;
  }
  dsn.action = ending.action;
  dsn.status = ending.reply.enhanced;
  if (dsn.status.empty()) dsn.status = ending.reply.code >= 500 ? "5.0.0" : ending.reply.code >= 400 ? "4.0.0" : "2.0.0";
  dsn.remoteMta = ending.remoteHost.substr(0, ending.remoteHost.find(' '));
  dsn.diagnostic = oneLine(ending.heard.value_or(ending.reply));
  const ipc::Recipient& target = about.recipients[ending.recipient].recipient;
  const std::string_view path = isOfThisMachine(target) ? pathOf(target.forwardPath) : std::string_view();
  if (!path.empty() && dsn.diagnostic.find(path) != std::string::npos) {
    dsn.diagnostic = oneLine({ending.reply.code, ending.reply.enhanced, wordsForThisMachine(ending.action)});
  }
  dsn.diagnosticIsSmtp = !ending.remoteHost.empty();
  dsn.lastAttempt = now;
  if (ending.action == DsnAction::delayed) dsn.willRetryUntil = ending.willRetryUntil;
  return dsn;
}

}  // namespace

bool isWanted(const ipc::Recipient& recipient, DsnAction action) {
  switch (action) {
    case DsnAction::failed: return (recipient.notify & ipc::Recipient::kNotifyFailure) != 0;
    case DsnAction::delayed: return (recipient.notify & ipc::Recipient::kNotifyDelay) != 0;
    case DsnAction::delivered:
    case DsnAction::relayed:
    case DsnAction::expanded: return (recipient.notify & ipc::Recipient::kNotifySuccess) != 0;
  }
  return false;
}

Report build(const config::Config& config, const spool::MessageRecord& about, const std::vector<Ending>& endings,
             std::string_view content, WallTime now, const std::vector<message::DsnWords>& words) {
  Report report;
  report.record.id = Id128::make(now);
  message::DsnRequest request;
  request.reportingMta = config.hostName;
  request.postmaster = "MAILER-DAEMON@" + config.hostName;
  request.to = about.reversePath;
  request.messageId = report.record.id.text() + "@" + config.hostName;
  request.envelopeId = about.envid;
  request.queueId = about.id.text();
  request.arrived = about.arrived;
  if (about.handling.by != ipc::Handling::By::none) request.deliverBy = about.handling.deliverBy;
  if (about.handling.holdUntil != WallTime{}) request.heldUntil = about.handling.holdUntil;
  request.now = now;
  // RFC 8689 6: of mail that must not be read on its way, a report shows the header alone.
  const bool full = about.returned == ipc::Returned::full && !about.handling.requireTls;
  request.returned = full ? message::DsnReturn::full : message::DsnReturn::headers;
  request.content = content;
  request.smtpUtf8 = about.smtpUtf8;
  for (const message::DsnWords& language : words) request.words.push_back(&language);
  for (const Ending& ending : endings) request.recipients.push_back(toDsn(about, ending, now));
  report.content = message::buildDsn(request);

  spool::MessageRecord& record = report.record;
  record.arrived = now;
  record.origin.service = "report";
  record.origin.virtualServer = about.origin.virtualServer;
  record.origin.client = about.id.text();
  record.origin.session = about.origin.session;
  record.smtpUtf8 = about.smtpUtf8;
  record.handling.requireTls = about.handling.requireTls;
  record.handling.priority = about.handling.priority;  // RFC 6710 4.4: as urgent as its cause
  record.size = report.content.size();
  // Whose words are not ASCII: the sender's, the remote host's, or ours in another language.
  record.hasEightBit = record.eightBit = message::has8Bit(report.content);
  record.utf8Header = about.smtpUtf8 && message::has8Bit(message::HeaderView(report.content).text());
  spool::RecipientRecord to;
  to.recipient.forwardPath = about.reversePath;
  to.recipient.notify = ipc::Recipient::kNotifyNever;
  to.recipient.notifyGiven = true;
  record.recipients.push_back(std::move(to));
  return report;
}

std::string oneLine(const ipc::SmtpReply& reply) {
  std::string line = fmt::format("{}{}{} {}", reply.code, reply.enhanced.empty() ? "" : " ", reply.enhanced, message::cutUtf8(reply.text, kLongestReply));
  for (char& c : line) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return line;
}

std::string withHost(const ipc::SmtpReply& reply, const std::string& remoteHost) {
  return remoteHost.empty() ? oneLine(reply) : fmt::format("{} said: {}", remoteHost, oneLine(reply));
}

}  // namespace ostler::report
