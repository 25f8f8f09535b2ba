// GETQUOTA and GETQUOTAROOT: one quota root, the account. Read only. RFC 9208 4.1.1, 4.1.2, 5.1.
#include "imapd/grammar/write.h"
#include "imapd/session.h"

namespace ostler::imap {
namespace {

void appendResource(std::string& out, std::string_view name, std::uint64_t used, std::uint64_t limit) {
  if (limit == 0) return;  // unlimited is not told
  if (!out.ends_with('(')) out += ' ';
  out += name;
  out += ' ';
  appendNumber(out, used);
  out += ' ';
  appendNumber(out, limit);
}

std::string quotaResponse(const store::Quota& quota) {
  std::string out = "* QUOTA \"\" (";
  appendResource(out, "STORAGE", (quota.usedOctets + 1023) / 1024,
                 quota.limitOctets / 1024);  // RFC 9208 5.1: units of 1024 octets
  appendResource(out, "MESSAGE", quota.usedMessages, quota.limitMessages);
  out += ")\r\n";
  return out;
}

}  // namespace

Task<Reply> Session::getQuota(Invocation call) {
  call.in.space();
  const std::string root = call.in.astring();
  call.in.end();
  if (call.in.failed()) co_return badSyntax(call.in);
  if (!root.empty()) co_return Reply::no("NONEXISTENT", "No such quota root");
  const Result<store::Quota> quota = co_await account_->quota();
  if (!quota) co_return answerTo(quota.error());
  write(quotaResponse(*quota));
  co_return Reply::ok("Quota completed");
}

Task<Reply> Session::getQuotaRoot(Invocation call) {
  Reader& in = call.in;
  in.space();
  const Result<std::string> name = readMailbox(in);
  in.end();
  if (in.failed()) co_return badSyntax(in);
  if (!name) co_return answerTo(name.error());
  const Result<store::MailboxInfo> mailbox = co_await account_->mailbox(*name);
  if (!mailbox) co_return answerTo(mailbox.error());
  const Result<store::Quota> quota = co_await account_->quota();
  if (!quota) co_return answerTo(quota.error());
  std::string out = "* QUOTAROOT ";
  appendMailboxName(out, *name, nameForm());
  out += " \"\"\r\n";
  write(out + quotaResponse(*quota));
  co_return Reply::ok("Quota completed");
}

}  // namespace ostler::imap
