// logins.cc - logins a second, by IMAP or POP3.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "tests/bench/mailload/imap.h"
#include "tests/bench/mailload/pop3.h"
#include "tests/bench/mailload/workloads.h"

namespace mailload {

namespace {

constexpr std::size_t kSmallBuffer = 8192;

void comeAndGo(const Options& options, bool isPop3, long number) {
  if (isPop3) {
    Pop3Client client(options, kSmallBuffer);
    client.login(number);
    client.command("QUIT");
  } else {
    ImapClient client(options, kSmallBuffer);
    client.login(number);
    client.command("LOGOUT");
  }
}

}  // namespace

void logins(const Options& options) {
  const long count = options.number("n", 1000);
  const std::string protocol = options.text("proto", "imap");
  std::vector<double> rates;
  std::vector<double> each;
  std::mutex mutex;
  for (long run = 0; run < options.number("runs", 5); ++run) {
    std::atomic<long> next{0};
    const Stopwatch watch;
    inThreads(options.number("conns", 1), [&](long) {
      std::vector<double> mine;
      for (long number = next++; number < count; number = next++) {
        mine.push_back(timed([&] { comeAndGo(options, protocol == "pop3", number); }));
      }
      const std::scoped_lock lock(mutex);
      each.insert(each.end(), mine.begin(), mine.end());
    });
    rates.push_back(static_cast<double>(count) / watch.seconds());
  }
  std::sort(each.begin(), each.end());
  report(options, protocol + " login+logout", rates, "logins/s",
         fmt::format(R"(,"tls":{},"conns":{},"p50_ms":{:.2f},"p99_ms":{:.2f})", options.number("tls", 0), options.number("conns", 1), percentile(each, .5),
                     percentile(each, .99)));
}

}  // namespace mailload
