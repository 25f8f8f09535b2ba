// notice.h - what the suite tells its postmaster by mail. Pure. Is not: what senders are told of their mail (report.h).
#pragma once

#include "queued/report/report.h"

namespace ostler::report {

/// A user has sent too much and may send no more until he is thawed. To postmaster of the user's domain, with the null reverse-path.
[[nodiscard]] Report frozenNotice(const config::Config& config, const std::string& user, const std::string& reason, WallTime now);

}  // namespace ostler::report
