// smtp_sink.h - an SMTP or LMTP server on loopback that remembers what it was sent and fails the way a test wants.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "libmailcore/base/ascii.h"
#include "libmailcore/net/connection.h"
#include "libmailcore/net/listener.h"

namespace ostler::out {

struct SmtpSink {
  /// How it behaves.
  struct Behaviour {
    std::shared_ptr<const net::TlsServerContext> tls;  ///< offers STARTTLS
    bool breaksHandshake = false;                      ///< offers STARTTLS and closes instead of it
    bool pipelining = true;
    bool lmtp = false;
    bool eightBitMime = true;
    bool priority = false;
    bool auth = false;
    std::vector<std::string> extensions;               ///< said as they are: "DELIVERBY 240"
    std::string greeting = "220 sink";
    std::string mailReply = "250 2.1.0 ok";
    std::size_t mostRecipients = 0;                    ///< of one transaction; 0: any number
    std::string tooManyReply = "452 4.5.3 too many recipients";
    std::map<std::string, std::string> rcptReplies;    ///< forward-path → reply; else 250
    std::string dataReply = "250 2.0.0 taken";
    bool closeAfterDot = false;
    bool silentAfterDot = false;
    std::chrono::milliseconds pauseAfterDot{0};
    std::size_t closeAfterMessages = 0;                ///< 0: never
  };
  struct Message {
    unsigned connection = 0;
    bool secured = false;
    bool resumed = false;
    std::string user;
    std::string from;
    std::vector<std::string> to;
    std::string content;
  };

  SmtpSink(Loop& on, const std::string& at, Behaviour with) : loop(on), behaviour(std::move(with)), sessions(on) {
    Result<UniqueFd> socket = net::listenOn(net::Endpoint::parse(at).value());
    if (!socket) throw std::runtime_error(socket.error().detail);
    listener.emplace(loop, std::move(*socket), [this](std::unique_ptr<net::Stream> stream, const net::Endpoint&) {
      sessions.spawn(session(net::Connection(loop, std::move(stream)), ++connections));
    });
  }
  [[nodiscard]] net::Endpoint endpoint() const { return listener->local(); }

  Task<void> session(net::Connection connection, unsigned number) {
    const Deadline deadline = Deadline::after(std::chrono::seconds(30));
    connection.write(behaviour.greeting + "\r\n");
    Message message;
    std::size_t taken = 0;
    std::string user;
    for (;;) {
      const Result<std::string_view> got = co_await connection.readLine(4096, deadline);
      if (!got) co_return;
      const std::string line(*got);
      if (startsWithIgnoreCase(line, "EHLO") || startsWithIgnoreCase(line, "LHLO")) {
        connection.write("250-sink\r\n");
        if (behaviour.pipelining) connection.write("250-PIPELINING\r\n");
        if ((behaviour.tls && !connection.tls()) || behaviour.breaksHandshake) connection.write("250-STARTTLS\r\n");
        if (behaviour.auth) connection.write("250-AUTH PLAIN\r\n");
        for (const std::string& extension : behaviour.extensions) connection.write("250-" + extension + "\r\n");
        if (behaviour.priority) connection.write("250-MT-PRIORITY\r\n");
        connection.write(behaviour.eightBitMime ? "250 8BITMIME\r\n" : "250 HELP\r\n");
      } else if (startsWithIgnoreCase(line, "STARTTLS")) {
        connection.write("220 go\r\n");
        if (behaviour.breaksHandshake) {
          const Result<void> sent = co_await connection.flush(deadline);
          (void)sent;
          co_return;
        }
        const Result<void> secured = co_await connection.startTlsAsServer(behaviour.tls, deadline);
        if (!secured) co_return;
      } else if (startsWithIgnoreCase(line, "AUTH")) {
        user = line;
        connection.write("235 ok\r\n");
      } else if (startsWithIgnoreCase(line, "MAIL")) {
        message = Message{number, connection.tls() != nullptr, connection.tls() != nullptr && connection.tls()->resumed, user, line, {}, ""};
        connection.write(behaviour.mailReply + "\r\n");
      } else if (startsWithIgnoreCase(line, "RCPT")) {
        const std::string path = line.substr(9, line.find('>') - 9);
        if (behaviour.mostRecipients != 0 && message.to.size() >= behaviour.mostRecipients) {
          connection.write(behaviour.tooManyReply + "\r\n");
          continue;
        }
        const auto known = behaviour.rcptReplies.find(path);
        if (known == behaviour.rcptReplies.end()) message.to.push_back(path);
        connection.write((known == behaviour.rcptReplies.end() ? "250 2.1.5 ok" : known->second) + "\r\n");
      } else if (line == "DATA") {
        connection.write(message.to.empty() ? "554 no recipients\r\n" : "354 go\r\n");
        if (message.to.empty()) continue;
        for (;;) {
          const Result<std::string_view> text = co_await connection.readLine(100'000, deadline);
          if (!text) co_return;
          if (*text == ".") break;
          message.content += std::string(*text) + "\r\n";
        }
        messages.push_back(message);
        if (behaviour.closeAfterDot) co_return;
        if (behaviour.pauseAfterDot.count() > 0) co_await loop.sleepUntil(Deadline::after(behaviour.pauseAfterDot));
        if (behaviour.silentAfterDot) {
          co_await loop.sleepUntil(deadline);
        }
        for (std::size_t i = 0; i < (behaviour.lmtp ? message.to.size() : 1); ++i) connection.write(behaviour.dataReply + "\r\n");
        if (behaviour.closeAfterMessages != 0 && ++taken == behaviour.closeAfterMessages) {
          const Result<void> sent = co_await connection.flush(deadline);
          (void)sent;
          co_return;
        }
      } else if (line == "QUIT") {
        connection.write("221 bye\r\n");
        const Result<void> sent = co_await connection.flush(deadline);
        (void)sent;
        ++quits;
        co_return;
      } else {
        connection.write("250 ok\r\n");
      }
    }
  }

  Loop& loop;
  Behaviour behaviour;
  std::vector<Message> messages;
  unsigned connections = 0;
  unsigned quits = 0;
  TaskScope sessions;
  std::optional<net::Listener> listener;
};

}  // namespace ostler::out
