// scripted_server.h - plays a server's side of a dialogue over a Connection and notes where the client departs from it.
#pragma once

#include <string>

#include "libmailcore/base/ascii.h"
#include "libmailcore/net/connection.h"

namespace ostler::smtp {

/// Lines of the script:
///   S: 250 text      the server says this
///   C: NOOP          the client says this, to the letter
///   C: content       reads until CRLF "." CRLF and notes it
///   C: octets N      reads N octets and notes them
///   -- close         the server closes
///   -- silence       the server says nothing more
struct ScriptedServer {
  std::string script;
  std::string content;    ///< what was read as content, dots still stuffed
  std::string departure;  ///< where the client said something else; empty if it did not

  Task<void> play(Loop& loop, net::Connection connection) {
    const Deadline deadline = Deadline::after(std::chrono::seconds(10));
    for (const std::string_view line : split(script, '\n')) {
      const std::string_view step = trim(line);
      if (step.empty()) continue;
      if (step == "-- close") co_return;
      if (step == "-- silence") {
        const Result<void> sent = co_await connection.flush(deadline);
        (void)sent;
        co_await loop.sleepUntil(deadline);
        co_return;
      }
      const std::string text(step.substr(3));
      if (step.starts_with("S:")) {
        connection.write(text + "\r\n");
        const Result<void> sent = co_await connection.flush(deadline);
        if (!sent) departure = "could not say " + text;
      } else if (text == "content") {
        for (;;) {
          const Result<std::string_view> got = co_await connection.readLine(100'000, deadline);
          if (!got || *got == ".") break;
          content += std::string(*got) + "\r\n";
        }
      } else if (text.starts_with("octets ")) {
        const Result<std::string> got = co_await connection.readExactly(*parseDecimal(text.substr(7)), deadline);
        content = got.value_or("error");
      } else {
        const Result<std::string_view> got = co_await connection.readLine(100'000, deadline);
        if (!got || *got != text) {
          departure = "expected \"" + text + "\", got \"" + (got ? std::string(*got) : got.error().detail) + "\"";
          co_return;
        }
      }
    }
    const Result<std::string_view> end = co_await connection.readSome(100, deadline);
    if (end && !end->empty()) departure = "after the end: " + std::string(*end);
  }
};

}  // namespace ostler::smtp
