// session_lines.h - what every protocol tells of a client: a line per login, per failed login and per session's end, with the same
// keys in all of them, so that one search finds a client whatever it spoke.
// Is not: when they are told; that is each session's, on every way out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "libmailcore/log/log.h"

namespace ostler::log {

struct SessionFacts {
  std::string session;    ///< its id, the same in all daemons
  std::string service;    ///< "imap", "pop3", "submission"
  std::string client;     ///< address and port
  std::string tls;        ///< version and cipher; empty is told as "none"
  std::string mechanism;  ///< of the last login that was tried; empty: none was
  std::string user;       ///< who logged in; of a failed login who wanted to, as far as is known
};

struct SessionEnd {
  std::string_view reason;
  std::uint64_t octetsIn = 0;
  std::uint64_t octetsOut = 0;
};

/// Each: session service client tls mechanism user, then what is its own, then `more`: Fields of the protocol.
template <class... More>
void tellLogin(const Log& log, const SessionFacts& facts, More... more) {
  log.info("login", {{"session", facts.session},
                     {"service", facts.service},
                     {"client", facts.client},
                     {"tls", facts.tls.empty() ? "none" : facts.tls},
                     {"mechanism", facts.mechanism},
                     {"user", facts.user},
                     std::move(more)...});
}

/// reason: for the administrator; the client hears less. At info, not warn: strangers guess passwords all day, and a warning
/// is for what an administrator should see to.
inline void tellFailedLogin(const Log& log, const SessionFacts& facts, std::string_view reason) {
  log.info("login-failed", {{"session", facts.session},
                            {"service", facts.service},
                            {"client", facts.client},
                            {"tls", facts.tls.empty() ? "none" : facts.tls},
                            {"mechanism", facts.mechanism},
                            {"user", facts.user},
                            {"reason", reason}});
}

/// Who comes from this machine, hears the greeting and goes without a word looks whether we answer: `ostler status`, /readyz, /metrics,
/// another monitor. At info such lines would be most of a quiet server's log, and most of the sessions that it counts.
inline bool isProbe(const SessionFacts& facts, const SessionEnd& end) {
  return end.octetsIn == 0 && (facts.client.starts_with("127.") || facts.client.starts_with("[::1]"));
}

/// reason, in, out. A probe's end is told at debug.
template <class... More>
void tellSessionEnd(const Log& log, const SessionFacts& facts, const SessionEnd& end, More... more) {
  const Level level = isProbe(facts, end) ? Level::debug : Level::info;
  log.write(level, "session-end", {{"session", facts.session},
                                   {"service", facts.service},
                                   {"client", facts.client},
                                   {"tls", facts.tls.empty() ? "none" : facts.tls},
                                   {"mechanism", facts.mechanism},
                                   {"user", facts.user},
                                   {"reason", end.reason},
                                   {"in", end.octetsIn},
                                   {"out", end.octetsOut},
                                   std::move(more)...});
}

}  // namespace ostler::log
