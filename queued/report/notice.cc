#include "queued/report/notice.h"

#include <fmt/format.h>

#include "libmailcore/base/ascii.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/message/date_time.h"

namespace ostler::report {

Report frozenNotice(const config::Config& config, const std::string& user, const std::string& reason, WallTime now) {
  Report notice;
  spool::MessageRecord& record = notice.record;
  record.id = Id128::make(now);
  record.arrived = now;
  record.origin.service = "report";
  record.origin.client = user;
  const std::string to = "postmaster" + user.substr(std::min(user.rfind('@'), user.size()));
  notice.content = fmt::format(
      "From: Mail server <MAILER-DAEMON@{0}>\r\n"
      "To: <{1}>\r\n"
      "Subject: {2} may send no more mail for now\r\n"
      "Date: {3}\r\n"
      "Message-ID: <{4}@{0}>\r\n"
      "Auto-Submitted: auto-generated\r\n"
      "MIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n"
      "\r\n"
      "{2} has sent {5}, which is the limit set here. Nothing more is taken from this user\r\n"
      "(450 4.7.1) until an administrator lifts that.\r\n"
      "\r\n"
      "If the user did not send that mail, somebody has the password: change it first,\r\n"
      "    ostler user set {2} --password-file -\r\n"
      "and look at what waits:\r\n"
      "    ostler queue list\r\n"
      "To let the user send again:\r\n"
      "    ostler user thaw {2}\r\n"
      "Who is frozen, and what each has sent, is shown by\r\n"
      "    ostler user frozen\r\n",
      config.hostName, to, user, message::formatDateTime(now), record.id.text(), reason);
  record.smtpUtf8 = record.eightBit = record.hasEightBit = record.utf8Header = !isAllAscii(user);
  record.size = notice.content.size();
  spool::RecipientRecord recipient;
  recipient.recipient.forwardPath = to;
  recipient.recipient.notify = ipc::Recipient::kNotifyNever;
  recipient.recipient.notifyGiven = true;
  record.recipients.push_back(std::move(recipient));
  return notice;
}

}  // namespace ostler::report
