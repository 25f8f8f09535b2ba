// asker.h - asks a server whether it has a recipient, without sending it anything: call-ahead and peers.
// Is not: what the answer means, nor its cache; see queued/spool/verifier.h. RFC 5321 3.5 (VRFY).
#pragma once

#include <memory>

#include "libmailcore/async/task.h"
#include "libmailcore/ipc/sending.h"
#include "queued/out/settings.h"

namespace ostler::out {

/// Asks the next hop's hosts in their order until one answers the question. Never an error: what went wrong is a reply with 4xx.
[[nodiscard]] Task<ipc::AskedRecipient> askRecipient(Loop& loop, std::shared_ptr<const Settings> settings, ipc::AskRecipient request);

}  // namespace ostler::out
