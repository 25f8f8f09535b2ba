// drain.h - how long a process may take to end what is under way when it is told to stop. One budget for all of them, for `--stop` promises
// that everything is gone after ten seconds: who talks to clients ends first, then who keeps mail.
// Is not: the waiting itself; see async/gate.h and worker_thread.h.
#pragma once

#include <chrono>

namespace ostler::daemon {

inline constexpr std::chrono::milliseconds kDrainOfClients{3'000};     ///< sessions of smtpd, pop3d and imapd
inline constexpr std::chrono::milliseconds kDrainOfDeliveries{3'000};  ///< dialogues with other hosts, programs
inline constexpr std::chrono::milliseconds kDrainOfLog{800};           ///< lines for a log server; behind the deliveries
inline constexpr std::chrono::milliseconds kDrainOfSpool{3'500};       ///< outlasts the deliveries, whose outcomes it writes down

/// What the supervisor waits for those and for these before it kills.
inline constexpr std::chrono::milliseconds kStopOfClients = kDrainOfClients + std::chrono::milliseconds(500);
inline constexpr std::chrono::milliseconds kStopOfKeepers = kDrainOfDeliveries + kDrainOfLog + std::chrono::milliseconds(700);
static_assert(kDrainOfSpool > kDrainOfDeliveries && kDrainOfSpool < kStopOfKeepers);
static_assert(kStopOfClients + kStopOfKeepers <= std::chrono::milliseconds(8'000), "`ostler stop --timeout 9` kills after 8.5 s");

}  // namespace ostler::daemon
