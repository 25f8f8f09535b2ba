// introspection.h - asks the authorization server whose a bearer token is: one POST over TLS. RFC 7662 2.
// It stands here because out is the one process that has the network. Is not: what the answer means (sasl/claims.h), nor its cache.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "libmailcore/async/task.h"
#include "libmailcore/config/config.h"
#include "libmailcore/ipc/introspection.h"
#include "libmailcore/net/https_url.h"
#include "queued/out/settings.h"

namespace ostler::out {

/// Errors: permanent (the address, the secret's file, the authorities).
[[nodiscard]] Result<std::shared_ptr<const Introspection>> makeIntrospection(const config::OauthSettings& settings);

/// The whole request. RFC 7662 2.1; RFC 6749 2.3.1 (how a client's name and secret are written).
[[nodiscard]] std::string introspectionRequest(const Introspection& server, std::string_view token);

/// Errors: temporary, with the reason for the log, when the server gives no answer of status 200 and at most 64 KiB within 5 s.
[[nodiscard]] Task<Result<ipc::Introspected>> introspect(Loop& loop, std::shared_ptr<const Settings> settings, ipc::Introspect request);

}  // namespace ostler::out
