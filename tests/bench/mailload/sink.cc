#include "tests/bench/mailload/sink.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <string>
#include <string_view>
#include <thread>

#include "tests/bench/mailload/connection.h"
#include "tests/bench/mailload/workloads.h"

namespace mailload {

namespace {

/// One client's dialogue: answers go out together when all that has come is answered.
class SinkSession {
 public:
  SinkSession(int socket, std::atomic<long>& taken) : connection_(socket, std::size_t{1} << 16), taken_(taken) {}

  void run() {
    connection_.write("220 sink ESMTP\r\n");
    do {
      while (const auto line = connection_.lineAtHand()) {
        answer(*line);
        if (hasQuit_) break;
      }
      if (!answers_.empty()) connection_.write(answers_);
      answers_.clear();
    } while (!hasQuit_ && connection_.readMore());
  }

 private:
  void answer(std::string_view line) {
    if (inData_) {
      if (line != ".") return;
      inData_ = false;
      ++taken_;
      answers_ += "250 2.0.0 ok\r\n";
      return;
    }
    std::string verb(line.substr(0, 4));
    for (char& c : verb) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    inData_ = verb == "DATA";
    hasQuit_ = verb == "QUIT";
    answers_ += verb == "EHLO" || verb == "LHLO" ? "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000\r\n"
                : inData_                        ? "354 go\r\n"
                : hasQuit_                       ? "221 bye\r\n"
                                                 : "250 2.1.0 ok\r\n";
  }

  Connection connection_;
  std::atomic<long>& taken_;
  std::string answers_;
  bool inData_ = false;
  bool hasQuit_ = false;
};

}  // namespace

Sink::Sink(int port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(port));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 || ::listen(listener, 1024) != 0) die("sink bind");
  std::thread([taken = taken_, listener] {
    for (;;) {
      const int socket = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) die("accept");
      std::thread([taken, socket] { SinkSession(socket, *taken).run(); }).detach();
    }
  }).detach();
}

void sink(const Options& options) {
  const Stopwatch watch;
  const long count = options.number("n", 0);
  const Sink sink(static_cast<int>(options.number("port", 0)));
  while (count == 0) ::pause();
  while (sink.taken() == 0) ::usleep(500);
  const double first = watch.seconds();
  reportOne(options, "sink first message", fmt::format("{:.3f}", first), "s");
  const auto most = static_cast<double>(options.number("waitmax", 300));
  while (sink.taken() < count && watch.seconds() < most) ::usleep(5000);
  const double took = watch.seconds() - first;
  reportOne(options, "sink drain", fmt::format("{:.1f}", static_cast<double>(sink.taken()) / took), "msgs/s",
            fmt::format(",\"n\":{},\"seconds\":{:.2f}", sink.taken(), took));
}

}  // namespace mailload
