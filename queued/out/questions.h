// questions.h - what other roles may ask of the DNS: names of clients, domains that take mail, hosts. The spool has no network.
#pragma once

#include <memory>

#include "libmailcore/ipc/lookup.h"
#include "queued/out/settings.h"

namespace ostler::out {

/// Waits as long as settings->dnsTimeout. Never fails: what cannot be known now is State::later.
[[nodiscard]] Task<Result<ipc::LookedUp>> lookUp(std::shared_ptr<const Settings> settings, ipc::LookUp question);

}  // namespace ostler::out
