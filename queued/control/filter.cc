#include "queued/control/filter.h"

#include <algorithm>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/idna.h"
#include "queued/route/route.h"
#include "queued/spool/queue.h"

namespace ostler::control {

namespace {

bool isAt(std::string_view path, std::string_view domain) {
  const std::size_t at = path.rfind('@');
  return at != std::string_view::npos && isSameDomain(path.substr(at + 1), domain);
}

}  // namespace

ListFormat formatOf(const Arguments& arguments) {
  if (arguments.has("--postfix")) return ListFormat::postfix;
  if (arguments.has("--postfix-json")) return ListFormat::postfixJson;
  return arguments.has("--json") ? ListFormat::json : ListFormat::text;
}

std::string domainIn(const std::string& destination) {
  const std::size_t colon = destination.find(':');
  return destination.substr(colon == std::string::npos ? 0 : colon + 1);
}

Filter::Filter(const Arguments& arguments)
    : arguments_(arguments),
      sender_(arguments.value("--sender")),
      recipient_(arguments.value("--recipient")),
      domain_(domainIn(arguments.value("--destination"))) {}

bool Filter::fits(const spool::MessageView& record) const {
  if (!arguments_.reaches(record.origin.virtualServer)) return false;
  if (!sender_.empty() && !isSameAddress(sender_, record.reversePath)) return false;
  const auto anyRecipient = [&record](auto&& matches) {
    return std::any_of(record.recipients.begin(), record.recipients.end(), [&](const spool::RecipientView& r) {
      return r.state == spool::RecipientState::pending && matches(r.forwardPath);
    });
  };
  if (!recipient_.empty() && !anyRecipient([this](std::string_view path) { return isSameAddress(path, recipient_); })) return false;
  return domain_.empty() || anyRecipient([this](std::string_view path) { return isAt(path, domain_); });
}

std::string filedFor(const Arguments& arguments) {
  const std::string sender = arguments.value("--sender");
  const std::string recipient = arguments.value("--recipient");
  const std::string destination = arguments.value("--destination");
  if (!recipient.empty()) return spool::filedByDomain(route::domainOf(recipient));
  if (!destination.empty()) return spool::filedByDomain(domainIn(destination));
  return sender.empty() ? std::string() : spool::filedBySender(sender);
}

}  // namespace ostler::control
