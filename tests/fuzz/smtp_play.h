// smtp_play.h - a whole session of smtpd against octets that a client sends, for the fuzz targets that do so.
#pragma once

#include <cassert>
#include <string>
#include <string_view>

#include "libmailcore/base/ascii.h"
#include "libmailcore/smtp/enhanced_status.h"
#include "tests/unit/smtpd/stage.h"

namespace ostler::smtpd {

// Every line is one of SMTP's, whoever chose the words in it: code, mark, an enhanced code of the same class where there is one, CRLF.
// RFC 5321 4.2, 4.5.3.1.5; RFC 2034 4.
inline bool areReplies(std::string_view heard) {
  while (!heard.empty()) {
    const std::size_t end = heard.find("\r\n");
    if (end == std::string_view::npos || end > 510) return false;
    const std::string_view line = heard.substr(0, end);
    heard.remove_prefix(end + 2);
    const auto code = parseDecimal(line.substr(0, 3), 599);
    if (line.size() < 3 || !code || *code < 200 || line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) return false;
    if (line.size() > 3 && line[3] != ' ' && line[3] != '-') return false;
    const std::string_view text = line.substr(std::min<std::size_t>(4, line.size()));
    const auto status = smtp::EnhancedStatus::parse(text.substr(0, text.find(' ')));
    if (status && status->klass != static_cast<int>(*code / 100)) return false;
  }
  return true;
}

inline Task<void> sendAndReadAll(Caller& caller, std::string_view octets, std::size_t packet, std::string& heard) {
  for (; !octets.empty(); octets.remove_prefix(std::min(packet, octets.size()))) co_await caller.send(std::string(octets.substr(0, packet)));
  caller.hangUp();
  while (true) {
    const auto some = co_await caller.connection().readSome(65536, Deadline::after(std::chrono::seconds(20)));
    if (!some || some->empty()) co_return;
    heard += *some;
  }
}

/// In packets of that many octets; the client hangs up behind them. Whatever they are, the session ends, and leaves no draft behind.
/// Errors are answered at once: the tarpit would be waited for by the clock. The client may relay, so that it may send ahead.
inline void play(Stage& stage, std::string_view octets, std::size_t packet = std::string_view::npos) {
  stage.server().limits.tarpit = std::chrono::seconds(0);
  stage.server().relayFrom = {net::Cidr{net::IpAddress::v4({0, 0, 0, 0}), 0}};
  auto [server, client] = net::MemoryStream::makePair(stage.loop, 1U << 20);
  Session session(stage.around, stage.arrival(std::move(server)));
  TaskScope scope(stage.loop);
  scope.spawn(session.run());
  Caller caller(stage.loop, std::move(client));
  std::string heard;
  stage.loop.runUntilDone(sendAndReadAll(caller, octets, packet, heard));
  const Result<void> idle = stage.loop.runUntilDone(scope.whenIdle(Deadline::after(std::chrono::seconds(20))));
  assert(idle);
  assert(areReplies(heard));
}

inline bool hasBareLineEnd(std::string_view content) {
  for (std::size_t at = 0; at < content.size(); ++at) {
    if (content[at] == '\n' && (at == 0 || content[at - 1] != '\r')) return true;
    if (content[at] == '\r' && (at + 1 == content.size() || content[at + 1] != '\n')) return true;
  }
  return false;
}

}  // namespace ostler::smtpd
