// session_mail.cc - MAIL and RCPT: the envelope. RFC 5321 4.1.1.2, 4.1.1.3; RFC 1870, RFC 3461, RFC 6531.
#include "libmailcore/base/ascii.h"
#include "smtpd/session.h"

namespace ostler::smtpd {
namespace {

using namespace std::chrono_literals;
using smtp::Reply;

constexpr auto kPolicyTime = 15s;  // enough for a spool that is being restarted; then the client is told to come back

// Which code a bad path gets depends on whose it is: RFC 3463 3.2.
Reply badArgument(const Error& error, const char* badAddress) {
  switch (error.kind) {
    case Error::Kind::notFound:
      return {555, "5.5.4", "Parameter not recognized"};
    case Error::Kind::limit:
      return {501, badAddress, "Path too long"};
    default:
      if (error.detail.starts_with("path:")) return {501, badAddress, "Bad address syntax"};
      return {501, "5.5.4", "Syntax error in parameters or arguments"};
  }
}

std::uint8_t notifyBits(const smtp::Notify& notify) {
  using R = ipc::Recipient;
  return static_cast<std::uint8_t>((notify.success ? R::kNotifySuccess : 0) | (notify.failure ? R::kNotifyFailure : 0) |
                                   (notify.delay ? R::kNotifyDelay : 0));
}

ipc::Recipient toRecipient(const smtp::RcptCommand& command) {
  ipc::Recipient recipient;
  recipient.forwardPath = command.path.text();
  if (command.parameters.orcpt) recipient.orcpt = command.parameters.orcpt->text();
  if (command.parameters.notify) {
    recipient.notifyGiven = true;
    recipient.notify = notifyBits(*command.parameters.notify);
  }
  return recipient;
}

}  // namespace

void Session::beginNewTransaction() {
  chunks_.reset();
  chunkEnds_ = {};
  envelope_ = {};
  declaredSize_ = 0;
  if (state_ != connected) state_ = greeted;
}

std::optional<smtp::Reply> Session::refusal(const smtp::MailCommand& command) const {
  if (!limits().messageSize.allows(command.parameters.size.value_or(0))) {
    return Reply{552, "5.3.4",
                 "Message too big; the limit is " + std::to_string(limits().messageSize.octets) + " octets"};
  }
  if (command.parameters.body == smtp::Body::binaryMime) return Reply{555, "5.5.4", "BINARYMIME is not offered"};
  if (!command.path.isAscii() && !command.parameters.smtpUtf8) {
    return Reply{553, "5.6.7", "This address needs SMTPUTF8"};
  }
  return std::nullopt;
}

Task<smtp::Reply> Session::mail(std::string_view argument) {
  const auto command = smtp::parseMail(argument);
  if (!command) co_return badArgument(command.error(), "5.1.7");
  if (auto refused = refusal(*command)) co_return std::move(*refused);
  if (limits().messagesPerConnection != 0 && messages_ >= limits().messagesPerConnection) {
    end("too many messages");
    co_return Reply{421, "4.7.0", "Too many messages on this connection"};
  }
  if (isAuthenticated() && authGeneration_ != around_.policy.authGeneration()) {
    end("auth restarted");
    co_return Reply{421, "4.7.0", "Please authenticate again"};
  }
  ipc::CheckSender question{info_, command->path.text(), command->parameters.size.value_or(0),
                            command->parameters.smtpUtf8};
  const Result<ipc::SmtpReply> verdict =
      co_await around_.policy.checkSender(std::move(question), Deadline::after(kPolicyTime));
  if (!verdict) co_return unavailable("sender", verdict.error());
  Reply reply = toReply(*verdict);
  if (!reply.isPositive()) co_return reply;
  envelope_.reversePath = command->path.text();
  envelope_.envid = command->parameters.envid.value_or("");
  envelope_.returnFull = command->parameters.ret == smtp::ReturnContent::full;
  envelope_.smtpUtf8 = command->parameters.smtpUtf8;
  envelope_.eightBit = command->parameters.body == smtp::Body::eightBitMime;
  declaredSize_ = command->parameters.size.value_or(0);
  state_ = mailOpen;
  co_return reply;
}

Task<smtp::Reply> Session::rcpt(std::string_view argument) {
  const auto command = smtp::parseRcpt(argument);
  if (!command) co_return badArgument(command.error(), "5.1.3");
  if (!command->path.isAscii() && !envelope_.smtpUtf8) co_return Reply{553, "5.6.7", "This address needs SMTPUTF8"};
  if (limits().recipients != 0 && envelope_.recipients.size() >= limits().recipients) {
    co_return Reply{452, "4.5.3", "Too many recipients"};  // RFC 5321 4.5.3.1.10
  }
  ipc::CheckRecipient question{info_, envelope_.reversePath, command->path.text()};
  const Result<ipc::SmtpReply> verdict =
      co_await around_.policy.checkRecipient(std::move(question), Deadline::after(kPolicyTime));
  if (!verdict) co_return unavailable("recipient", verdict.error());
  Reply reply = toReply(*verdict);
  if (!reply.isPositive()) co_return reply;
  envelope_.recipients.push_back(toRecipient(*command));
  state_ = rcptOpen;
  co_return reply;
}

}  // namespace ostler::smtpd
