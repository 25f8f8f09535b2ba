#include "tests/bench/mailload/pop3.h"

#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <memory>

#include "tests/bench/mailload/workloads.h"

namespace mailload {

Pop3Client::Pop3Client(const Options& options, std::size_t buffer) : options_(options), connection_(options, buffer) {
  ok();
}

void Pop3Client::login(long number) {
  command("USER " + options_.numbered("user", "", number));
  command("PASS " + options_.text("pass"));
}

std::string Pop3Client::command(const std::string& words) {
  send(words + "\r\n");
  return ok();
}

std::string Pop3Client::ok() {
  const std::string line(connection_.line());
  if (!line.starts_with("+OK")) die("POP3: " + line);
  return line;
}

long Pop3Client::lines() {
  long count = 0;
  while (connection_.line() != ".") ++count;
  return count;
}

namespace {

/// All messages, so many RETR at once.
void retrieveAll(Pop3Client& client, long count, long window) {
  long sent = 0;
  for (long got = 0; got < count; ++got) {
    if (sent <= got) {
      std::string commands;
      while (sent < count && sent < got + window) commands += "RETR " + std::to_string(++sent) + "\r\n";
      client.send(commands);
    }
    client.ok();
    client.lines();
  }
}

}  // namespace

void pop3List(const Options& options) {
  std::vector<double> logins;
  std::vector<double> stats;
  std::vector<double> lists;
  std::vector<double> uidls;
  std::vector<double> quits;
  long messages = 0;
  for (long run = 0; run < options.number("runs", 5); ++run) {
    const Stopwatch watch;
    Pop3Client client(options);
    client.login();
    logins.push_back(watch.milliseconds());
    stats.push_back(timed([&] { client.command("STAT"); }));
    lists.push_back(timed([&] {
      client.command("LIST");
      messages = client.lines();
    }));
    uidls.push_back(timed([&] {
      client.command("UIDL");
      client.lines();
    }));
    quits.push_back(timed([&] { client.command("QUIT"); }));
  }
  const std::string more = fmt::format(",\"messages\":{}", messages);
  report(options, "pop3 connect+login", logins, "ms", more);
  report(options, "pop3 STAT", stats, "ms", more);
  report(options, "pop3 LIST", lists, "ms", more);
  report(options, "pop3 UIDL", uidls, "ms", more);
  report(options, "pop3 QUIT", quits, "ms", more);
}

void pop3Retrieve(const Options& options) {
  const long connections = options.number("conns", 1);
  const long window = options.flag("pipeline") ? options.number("window", 100) : 1;
  std::vector<double> rates;
  std::vector<double> throughputs;
  std::atomic<long> messages{0};
  for (long run = 0; run < options.number("runs", 5); ++run) {
    std::vector<std::unique_ptr<Pop3Client>> clients;
    for (long i = 0; i < connections; ++i) {
      clients.push_back(std::make_unique<Pop3Client>(options));
      clients.back()->login(i);
    }
    messages = 0;
    std::atomic<long> octets{0};
    const Stopwatch watch;
    inThreads(connections, [&](long thread) {
      Pop3Client& client = *clients[static_cast<std::size_t>(thread)];
      const long count = std::atol(client.command("STAT").c_str() + 4);
      retrieveAll(client, count, window);
      messages += count;
      octets += client.octetsRead();
    });
    const double took = watch.seconds();
    rates.push_back(static_cast<double>(messages) / took);
    throughputs.push_back(static_cast<double>(octets) / took / 1e6);
    for (const auto& client : clients) client->command("QUIT");
  }
  const std::string more = fmt::format(R"(,"messages":{},"conns":{},"pipeline":{})", messages.load(), connections, options.number("pipeline", 0));
  report(options, "pop3 RETR all", rates, "msgs/s", more);
  report(options, "pop3 RETR all", throughputs, "MB/s", more);
}

}  // namespace mailload
