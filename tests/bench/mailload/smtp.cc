// smtp.cc - the workloads of an SMTP client.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

#include "tests/bench/mailload/connection.h"
#include "tests/bench/mailload/sink.h"
#include "tests/bench/mailload/workloads.h"

namespace mailload {

namespace {

namespace fs = std::filesystem;

class SmtpClient {
 public:
  explicit SmtpClient(const Options& options, std::size_t buffer, Ticket* ticket = nullptr) : connection_(options, buffer, ticket) {
    expect(2);
    send("EHLO client.example.test\r\n");
    expect(2);
  }
  void send(std::string_view octets) { connection_.write(octets); }
  /// So many replies of that class.
  void expect(int severity, int replies = 1) {
    for (; replies > 0; --replies) {
      const int code = reply();
      if (code / 100 != severity) die("unexpected SMTP reply " + std::to_string(code));
    }
  }
  void quit() {
    send("QUIT\r\n");
    (void)reply();
  }
  [[nodiscard]] bool isResumed() const { return connection_.isResumed(); }

 private:
  int reply() {
    for (;;) {
      const std::string_view line = connection_.line();
      if (line.size() < 3) die("bad SMTP reply");
      if (line.size() > 3 && line[3] == '-') continue;
      const int code = std::atoi(std::string(line.substr(0, 3)).c_str());
      if (code >= 400) std::fprintf(stderr, "smtp: %.*s\n", static_cast<int>(line.size()), line.data());
      return code;
    }
  }
  Connection connection_;
};

/// One message, as pipeline= says. `body`: with the dot that ends it, but for BDAT.
void transact(SmtpClient& client, long pipeline, const std::string& mail, const std::string& rcpt, std::string_view body) {
  switch (pipeline) {
    case 0:
      client.send(mail);
      client.expect(2);
      client.send(rcpt);
      client.expect(2);
      client.send("DATA\r\n");
      client.expect(3);
      client.send(body);
      return client.expect(2);
    case 1:
      client.send(mail + rcpt + "DATA\r\n");
      client.expect(2, 2);
      client.expect(3);
      client.send(body);
      return client.expect(2);
    default:
      client.send(mail + rcpt + "BDAT " + std::to_string(body.size()) + " LAST\r\n");
      client.send(body);
      return client.expect(2, 3);
  }
}

/// All messages of a run, over all connections; returns how long each took. The content is made once: what the driver spends comes off
/// the cores that are measured.
std::vector<double> sendAll(const Options& options, const std::string& body) {
  const long count = options.number("n", 1000);
  const long perConnection = options.number("permsg", 0);
  const std::string mail = "MAIL FROM:<" + options.text("from", "s@example.test") + ">\r\n";
  std::atomic<long> next{0};
  std::vector<double> all;
  std::mutex mutex;
  inThreads(options.number("conns", 1), [&](long) {
    std::vector<double> mine;
    for (long number = next++; number < count;) {
      SmtpClient client(options, 1 << 14);
      for (long done = 0; number < count && (perConnection == 0 || done < perConnection); ++done, number = next++) {
        const std::string rcpt = "RCPT TO:<" + options.numbered("rcpt", "u0@example.test", number) + ">\r\n";
        mine.push_back(timed([&] { transact(client, options.number("pipeline", 0), mail, rcpt, body); }));
      }
      client.quit();
    }
    const std::scoped_lock lock(mutex);
    all.insert(all.end(), mine.begin(), mine.end());
  });
  return all;
}

long filesIn(const std::vector<std::string>& folders) {
  long count = 0;
  std::error_code gone;  // files come and go meanwhile
  for (const std::string& folder : folders) {
    fs::recursive_directory_iterator at(folder, gone);
    for (; !gone && at != fs::recursive_directory_iterator(); at.increment(gone)) {
      const bool isHidden = at->path().filename().string().starts_with('.');
      if (isHidden) at.disable_recursion_pending();
      if (!isHidden && !at->is_directory(gone)) ++count;
    }
  }
  return count;
}

/// What wait= asks for: the moment at which the system has finished with a run's messages.
class Finish {
 public:
  explicit Finish(const Options& options) : options_(options), words_(split(options.text("wait"), ':')) {
    if (kind() == "sink") sink_.emplace(std::atoi(words_.at(1).c_str()));
    if (kind() == "dirs") folders_.assign(words_.begin() + 1, words_.end());
    if (kind() == "files") folders_.assign(words_.begin() + 2, words_.end());
  }
  [[nodiscard]] const std::string& kind() const { return words_.front(); }  ///< empty: the last 250 is the end

  void beforeRun() {
    taken_ = sink_ ? sink_->taken() : 0;
    if (kind() == "files") files_ = filesIn(folders_) + std::atol(words_.at(1).c_str());
  }
  void wait() {
    if (kind() == "sink") until(2000, [&] { return sink_->taken() >= taken_ + options_.number("n", 1000); });
    if (kind() == "dirs") until(20'000, [&] { return filesIn(folders_) == 0; });
    if (kind() == "files") until(20'000, [&] { return filesIn(folders_) >= files_; });
    if (kind() == "cmd") until(50'000, [&] { return std::system(options_.text("wait").substr(4).c_str()) == 0; });
  }
  void drain() {
    if (kind() == "sink" && options_.has("drain")) until(100'000, [&] { return std::system(options_.text("drain").c_str()) == 0; });
  }

 private:
  template <class Done>
  void until(useconds_t step, Done&& done) {
    const Stopwatch watch;
    while (!done()) {
      ::usleep(step);
      if (watch.seconds() > static_cast<double>(options_.number("waitmax", 300))) die("wait ran past waitmax");
    }
  }

  const Options& options_;
  std::vector<std::string> words_;
  std::optional<Sink> sink_;
  std::vector<std::string> folders_;
  long taken_ = 0;
  long files_ = 0;
};

}  // namespace

void smtp(const Options& options) {
  const auto count = static_cast<double>(options.number("n", 1000));
  Finish finish(options);
  std::vector<double> accepted;
  std::vector<double> finished;
  std::vector<double> each;
  for (long run = 1; run <= options.number("runs", 5); ++run) {
    finish.beforeRun();
    std::string body = message(run, static_cast<std::size_t>(options.number("size", 4096)));
    if (options.number("pipeline", 0) < 2) body += ".\r\n";
    const Stopwatch watch;
    const std::vector<double> took = sendAll(options, body);
    each.insert(each.end(), took.begin(), took.end());
    accepted.push_back(count / watch.seconds());
    finish.wait();
    finished.push_back(count / watch.seconds());
    finish.drain();
  }
  std::sort(each.begin(), each.end());
  const std::string more = fmt::format(R"(,"size":{},"conns":{},"n":{},"pipeline":{},"p50_ms":{:.3f},"p99_ms":{:.3f})", options.number("size", 4096),
                                       options.number("conns", 1), options.number("n", 1000), options.number("pipeline", 0), percentile(each, .5),
                                       percentile(each, .99));
  if (!finish.kind().empty()) report(options, "smtp accept part", accepted, "msgs/s", more);
  report(options, finish.kind().empty() ? "smtp accept" : "smtp until " + finish.kind(), finished, "msgs/s", more);
}

void smtpConnects(const Options& options) {
  const long count = options.number("n", 1000);
  const long connections = options.number("conns", 1);
  std::vector<double> rates;
  std::atomic<long> resumed{0};
  for (long run = 0; run < options.number("runs", 5); ++run) {
    resumed = 0;
    std::atomic<long> next{0};
    const Stopwatch watch;
    inThreads(connections, [&](long) {
      Ticket ticket;
      while (next++ < count) {
        SmtpClient client(options, 4096, &ticket);
        client.quit();
        resumed += client.isResumed() ? 1 : 0;
      }
    });
    rates.push_back(static_cast<double>(count) / watch.seconds());
  }
  if (options.flag("resume") && resumed < (count - connections) * 9 / 10) die(fmt::format("only {} handshakes were resumed", resumed.load()));
  report(options, "smtp connect", rates, "conns/s", fmt::format(R"(,"tls":{},"conns":{},"resumed":{})", options.number("tls", 0), connections, resumed.load()));
}

void smtpIdle(const Options& options) {
  const long connections = options.number("conns", 200);
  std::vector<std::unique_ptr<SmtpClient>> clients;
  const Stopwatch watch;
  for (long i = 0; i < connections; ++i) clients.push_back(std::make_unique<SmtpClient>(options, 4096));
  report(options, "smtp idle connections opened", {static_cast<double>(connections) / watch.seconds()}, "conns/s",
         fmt::format(",\"conns\":{}", connections));
  while (std::getchar() != EOF) {
  }
}

}  // namespace mailload
