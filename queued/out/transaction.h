// transaction.h - a delivery as SMTP's client takes it, and what it says as the spool wants to hear it. Pure.
// Is not: which host, and in how many transactions; see delivery.h.
#pragma once

#include <string>
#include <vector>

#include "libmailcore/base/clock.h"
#include "libmailcore/ipc/sending.h"
#include "libmailcore/smtp/client.h"

namespace ostler::out {

/// The envelope with the recipients at those places.
[[nodiscard]] smtp::Transaction transactionFor(const ipc::Deliver& request, const std::vector<std::size_t>& recipients, WallTime now);

/// What a reply to a recipient means: delivered, failed, or to be tried again.
[[nodiscard]] ipc::RecipientOutcome outcomeOf(const smtp::Reply& reply, const std::string& remoteHost);

}  // namespace ostler::out
