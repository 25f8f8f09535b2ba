// session_mail.cc - MAIL and RCPT: the envelope. RFC 5321 4.1.1.2, 4.1.1.3; RFC 1870, RFC 3461, RFC 6531.
#include <array>
#include <utility>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"
#include "libmailcore/ipc/envelope.h"
#include "libmailcore/ipc/policy.h"
#include "smtpd/session.h"

namespace ostler::smtpd {
namespace {

using namespace std::chrono_literals;
using smtp::Reply;

constexpr auto kSinceTold = 60s;  // between EHLO and MAIL, and between two clocks
constexpr std::size_t kUsualEnvelope = 16 * 1024;  // a hundred recipients; what is longer is counted with all other sessions'

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

// A parameter belongs to an extension, and is known where that is offered.
struct ParameterUse {
  std::string_view extension;
  bool (*isUsed)(const smtp::MailParameters&);
};
constexpr std::array kUses = {
    ParameterUse{"BINARYMIME", [](const smtp::MailParameters& p) { return p.body == smtp::Body::binaryMime; }},
    ParameterUse{"DELIVERBY", [](const smtp::MailParameters& p) { return p.by.has_value(); }},
    ParameterUse{"FUTURERELEASE", [](const smtp::MailParameters& p) { return p.holdFor || p.holdUntil; }},
    ParameterUse{"MT-PRIORITY", [](const smtp::MailParameters& p) { return p.priority.has_value(); }},
};

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

// What a recipient takes of our memory.
std::size_t octetsOf(const smtp::RcptCommand& command) {
  const auto& orcpt = command.parameters.orcpt;
  return sizeof(ipc::Recipient) + command.path.text().size() + (orcpt ? orcpt->text().size() : 0);
}

// Up to the maximum, and the maximum itself: RFC 4865 4. The latest date was told behind EHLO, and time has gone by since.
bool isHeldTooLong(const smtp::MailParameters& parameters, WallTime now, std::chrono::seconds most) {
  if (parameters.holdFor) return *parameters.holdFor > static_cast<std::uint64_t>(most.count());
  return parameters.holdUntil && *parameters.holdUntil - toUnixMillis(now) / 1000 > (most + kSinceTold).count();
}

bool isPostmaster(std::string_view path) {
  return equalsIgnoreCase(path.substr(0, path.rfind('@')), "postmaster");
}

ipc::Returned returnedOf(const std::optional<smtp::ReturnContent>& ret) {
  if (!ret) return ipc::Returned::notSaid;
  return *ret == smtp::ReturnContent::full ? ipc::Returned::full : ipc::Returned::headers;
}

}  // namespace

void Session::beginNewTransaction() {
  chunks_.reset();
  chunkEnds_ = {};
  envelope_ = {};
  envelopeOctets_ = 0;
  (void)envelopeShare_.hold(0);
  envelopeHasPostmaster_ = false;
  newRecipients_ = 0;
  keptBack_.reset();
  declaredSize_ = 0;
  if (state_ != connected) state_ = greeted;
}

std::optional<smtp::Reply> Session::refusal(const smtp::MailCommand& command, WallTime now) const {
  if (!limits().messageSize.allows(command.parameters.size.value_or(0))) {
    return Reply{552, "5.3.4",
                 "Message too big; the limit is " + std::to_string(limits().messageSize.octets) + " octets"};
  }
  const OfferTo offered = offerTo();
  for (const ParameterUse& use : kUses) {
    if (use.isUsed(command.parameters) && !isOffered(use.extension, offered)) {
      return Reply{555, "5.5.4", std::string(use.extension) + " is not offered here"};
    }
  }
  if (command.parameters.requireTls && !isOffered("REQUIRETLS", offered)) {
    return Reply{530, "5.7.10", "REQUIRETLS needs TLS on this connection"};  // RFC 8689 2
  }
  if (isHeldTooLong(command.parameters, now, limits().futureRelease)) {
    return Reply{501, "5.5.4", "Held for too long; the most is " + std::to_string(limits().futureRelease.count()) + " seconds"};
  }
  // It would come back, or be told of as late, before it may go.
  const ipc::Handling handling = handlingOf(command.parameters, now);
  if (handling.by != ipc::Handling::By::none && handling.holdUntil >= handling.deliverBy) {
    return Reply{501, "5.5.4", "Held until after the time by which it has to be delivered"};
  }
  if (!command.path.isAscii() && !command.parameters.smtpUtf8) {
    return Reply{553, "5.6.7", "This address needs SMTPUTF8"};
  }
  return std::nullopt;
}

// The extensions' parameters with times that are absolute, since the message may wait before it is looked at.
ipc::Handling Session::handlingOf(const smtp::MailParameters& parameters, WallTime now) const {
  ipc::Handling handling;
  // Nobody means more than ten years; the clock holds 292.
  constexpr std::int64_t kMostSeconds = 10 * 366 * 86'400LL;
  if (parameters.holdFor) handling.holdUntil = now + std::chrono::seconds(*parameters.holdFor);
  if (parameters.holdUntil) {
    const std::int64_t wait = *parameters.holdUntil - toUnixMillis(now) / 1000;
    handling.holdUntil = now + std::chrono::seconds(std::clamp<std::int64_t>(wait, 0, kMostSeconds));
  }
  if (parameters.by) {
    using By = ipc::Handling::By;
    handling.by = parameters.by->giveBack ? By::giveBack : parameters.by->seconds > 0 ? By::notify : By::told;
    handling.deliverBy = now + std::chrono::seconds(parameters.by->seconds);
    handling.byTrace = parameters.by->trace;
  }
  handling.priority = parameters.priority.value_or(0);
  // A stranger may ask to go later, not before others: RFC 6710 8.
  if (!isAuthenticated()) handling.priority = std::min<std::int8_t>(handling.priority, 0);
  handling.requireTls = parameters.requireTls;
  return handling;
}

// What our users leave out: RFC 6409 6.2. An address of a stranger is complete or wrong.
std::string Session::domainForBare() const {
  return isAuthenticated() ? inALabels(server_.defaultDomain) : std::string();
}

Task<smtp::Reply> Session::mail(std::string_view argument) {
  keptBack_.reset();
  if (auto objected = objection(receiving::Stage::mail)) co_return std::move(*objected);
  const WallTime now = around_.clock.now();
  const auto command = smtp::parseMail(argument, domainForBare());
  if (!command) co_return badArgument(command.error(), "5.1.7");
  if (auto refused = refusal(*command, now)) co_return std::move(*refused);
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
  envelope_.returned = returnedOf(command->parameters.ret);
  envelope_.smtpUtf8 = command->parameters.smtpUtf8;
  envelope_.eightBit = command->parameters.body == smtp::Body::eightBitMime;
  envelope_.binary = command->parameters.body == smtp::Body::binaryMime;
  envelope_.priorityGiven = command->parameters.priority.has_value();
  envelope_.handling = handlingOf(command->parameters, now);
  declaredSize_ = command->parameters.size.value_or(0);
  readOver_ = 0;
  state_ = mailOpen;
  if (command->parameters.priority.value_or(0) != envelope_.handling.priority) {
    co_return Reply{250, "2.3.6", "Sender ok, with the priority of other mail"};  // RFC 6710 4.1
  }
  co_return reply;
}

// Addresses of a stranger's making fill the memory as content does: an envelope of the usual size is always taken, a longer one while
// there is room. Else the client sends the rest in a transaction of its own: RFC 5321 4.5.3.1.10.
bool Session::mayGrow(const smtp::RcptCommand& command) {
  const std::size_t octets = envelopeOctets_ + octetsOf(command);
  return octets <= kUsualEnvelope || envelopeShare_.holdSpare(octets);
}

Task<smtp::Reply> Session::rcpt(std::string_view argument) {
  const auto command = smtp::parseRcpt(argument, domainForBare());
  if (!command) co_return badArgument(command.error(), "5.1.3");
  // postmaster is reached past all limits (RFC 5321 4.5.1): one of them a message, or it would be a way around.
  const bool isForPostmaster = isPostmaster(command->path.text()) && !std::exchange(envelopeHasPostmaster_, true);
  if (!isForPostmaster) {
    if (keptBack_) co_return *keptBack_;
    if (auto objected = objection(receiving::Stage::rcpt)) co_return std::move(*objected);
    if (!mayGrow(*command)) co_return Reply{452, "4.5.3", "Too many recipients just now, send to the others in another transaction"};
  }
  if (!command->path.isAscii() && !envelope_.smtpUtf8) co_return Reply{553, "5.6.7", "This address needs SMTPUTF8"};
  if (!isAllAscii(argument) && !envelope_.smtpUtf8) co_return Reply{501, "5.5.4", "ORCPT is written in ASCII without SMTPUTF8"};  // RFC 6533 3
  ipc::CheckRecipient question{info_, envelope_.reversePath, command->path.text(), static_cast<std::uint32_t>(envelope_.recipients.size()),
                               newRecipients_, declaredSize_};
  const Result<ipc::RecipientReply> verdict =
      co_await around_.policy.checkRecipient(std::move(question), Deadline::after(kPolicyTime));
  if (!verdict) co_return unavailable("recipient", verdict.error());
  Reply reply = toReply(*verdict);
  if (reply.isPermanent()) ++unknownRecipients_;
  if (!reply.isPositive()) co_return reply;
  if (verdict->isNew) ++newRecipients_;
  envelope_.recipients.push_back(toRecipient(*command));
  envelopeOctets_ += octetsOf(*command);
  state_ = rcptOpen;
  co_return reply;
}

}  // namespace ostler::smtpd
