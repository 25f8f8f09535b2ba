#include "tests/bench/mailload/imap.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>

#include "tests/bench/mailload/workloads.h"

namespace mailload {

ImapClient::ImapClient(const Options& options, std::size_t buffer) : options_(options), connection_(options, buffer) {
  if (!connection_.line().starts_with("* OK")) die("no IMAP greeting");
}

void ImapClient::login(long number) {
  must("LOGIN \"" + options_.numbered("user", "", number) + "\" \"" + options_.text("pass") + "\"");
}

bool ImapClient::command(const std::string& words) {
  const std::string tag = nextTag();
  connection_.write(tag + " " + words + "\r\n");
  return finish(tag);
}

void ImapClient::must(const std::string& words) {
  if (!command(words)) die("IMAP " + words.substr(0, 60) + ": " + last_);
}

void ImapClient::append(const std::string& mailbox, const std::string& message) {
  constexpr std::size_t kTogether = 65536;  // smaller ones go out in one write
  const std::string tag = nextTag();
  const std::string start = tag + " APPEND " + mailbox + " {" + std::to_string(message.size()) + "+}\r\n";
  if (message.size() < kTogether) {
    connection_.write(start + message + "\r\n");
  } else {
    connection_.write(start);
    connection_.write(message);
    connection_.write("\r\n");
  }
  if (!finish(tag)) die("APPEND: " + last_);
}

void ImapClient::idle() {
  connection_.write("z IDLE\r\n");
  while (!connection_.line().starts_with('+')) {
  }
}

// Reads to the tagged answer, literals passed over.
bool ImapClient::finish(const std::string& tag) {
  for (;;) {
    std::string_view line = connection_.line();
    while (line.ends_with('}')) {
      const std::size_t brace = line.rfind('{');
      if (brace == std::string_view::npos) break;
      connection_.skip(std::strtoul(line.data() + brace + 1, nullptr, 10));
      line = connection_.line();
    }
    if (!line.starts_with(tag) || line.substr(tag.size(), 1) != " ") continue;
    last_ = line;
    return line.substr(tag.size() + 1).starts_with("OK");
  }
}

namespace {

/// n=, size= into a mailbox, over conns= connections; messages a second.
double appendMany(const Options& options, const std::string& mailbox) {
  const long count = options.number("n", 1000);
  std::vector<std::unique_ptr<ImapClient>> clients;
  for (long i = 0; i < options.number("conns", 1); ++i) {
    clients.push_back(std::make_unique<ImapClient>(options));
    clients.back()->login(i);
    if (mailbox != "INBOX" && i < options.users()) clients.back()->command("CREATE " + mailbox);
  }
  std::atomic<long> next{0};
  const Stopwatch watch;
  inThreads(static_cast<long>(clients.size()), [&](long thread) {
    ImapClient& client = *clients[static_cast<std::size_t>(thread)];
    for (long number = next++; number < count; number = next++) client.append(mailbox, message(number, static_cast<std::size_t>(options.number("size", 4096))));
  });
  const double took = watch.seconds();
  for (const auto& client : clients) client->command("LOGOUT");
  return static_cast<double>(count) / took;
}

void remove(const Options& options, const std::string& mailbox) {
  for (long user = 0; user < std::min(options.number("conns", 1), options.users()); ++user) {
    ImapClient client(options);
    client.login(user);
    client.command("DELETE " + mailbox);
    client.command("LOGOUT");
  }
}

void reportAppend(const Options& options, const std::string& test, const std::vector<double>& rates) {
  report(options, test, rates, "msgs/s",
         fmt::format(R"(,"size":{},"conns":{},"n":{})", options.number("size", 4096), options.number("conns", 1), options.number("n", 1000)));
}

}  // namespace

void imapFill(const Options& options) {
  reportAppend(options, "imap fill", {appendMany(options, options.text("mbox", "INBOX"))});
}

void imapAppend(const Options& options) {
  const std::string mailbox = options.text("mbox", "INBOX");
  std::vector<double> rates;
  for (long run = 0; run < options.number("runs", 5); ++run) {
    rates.push_back(appendMany(options, mailbox));
    if (mailbox != "INBOX") remove(options, mailbox);
  }
  reportAppend(options, "imap append", rates);
}

void imapCommands(const Options& options) {
  std::vector<std::string> commands = {"FETCH 1:* (FLAGS)", "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)", "FETCH 1:* (ENVELOPE)",
                                       "FETCH 1:* (BODYSTRUCTURE)", "FETCH 1:1000 (BODY.PEEK[])", "FETCH 1:* (BODY.PEEK[])", "SEARCH UNSEEN",
                                       "SEARCH SUBJECT \"garden\"", "SEARCH TEXT \"nosuchword\"", "STORE 1:* +FLAGS.SILENT (\\Flagged)",
                                       "STORE 1:* -FLAGS.SILENT (\\Flagged)", "STATUS Other (MESSAGES UNSEEN UIDNEXT)"};
  if (options.has("cmds")) commands = split(options.text("cmds"), ';');
  struct Row {
    std::vector<double> took;
    long octets = 0;
  };
  std::map<std::string, Row> rows;
  const auto measure = [&](const std::string& name, ImapClient& client, auto&& work) {
    const long before = client.octetsRead();
    rows[name].took.push_back(timed(work));
    rows[name].octets = client.octetsRead() - before;
  };
  for (long run = 0; run < options.number("runs", 5); ++run) {
    const Stopwatch watch;
    ImapClient client(options);
    client.login();
    rows["connect+LOGIN"].took.push_back(watch.milliseconds());
    client.command("CREATE Other");
    measure("SELECT", client, [&] { client.must("SELECT " + options.text("mbox", "INBOX")); });
    for (const std::string& command : commands) measure(command, client, [&] { client.must(command); });
    client.command("LOGOUT");
  }
  commands.insert(commands.begin(), {"connect+LOGIN", "SELECT"});
  for (const std::string& command : commands) {
    if (const auto row = rows.extract(command)) {
      report(options, "imap " + command, row.mapped().took, "ms", fmt::format(",\"bytes\":{}", row.mapped().octets));
    }
  }
}

void imapCopyMove(const Options& options) {
  const std::string all = "1:" + std::to_string(options.number("n", 10000));
  std::vector<double> copies;
  std::vector<double> moves;
  std::vector<double> expunges;
  for (long run = 0; run < options.number("runs", 5); ++run) {
    ImapClient client(options);
    client.login();
    for (const char* const words : {"DELETE CopyA", "DELETE CopyB"}) client.command(words);
    for (const char* const words : {"CREATE CopyA", "CREATE CopyB"}) client.must(words);
    client.must("SELECT " + options.text("mbox", "INBOX"));
    copies.push_back(timed([&] { client.must("COPY " + all + " CopyA"); }));
    client.must("SELECT CopyA");
    moves.push_back(timed([&] { client.must("MOVE " + all + " CopyB"); }));
    client.must("SELECT CopyB");
    client.must("STORE 1:* +FLAGS.SILENT (\\Deleted)");
    expunges.push_back(timed([&] { client.must("EXPUNGE"); }));
    client.must("UNSELECT");
    for (const char* const words : {"DELETE CopyA", "DELETE CopyB", "LOGOUT"}) client.command(words);
  }
  const std::string more = fmt::format(",\"n\":{}", options.number("n", 10000));
  report(options, "imap COPY", copies, "ms", more);
  report(options, "imap MOVE", moves, "ms", more);
  report(options, "imap EXPUNGE", expunges, "ms", more);
}

void imapIdle(const Options& options) {
  const long connections = options.number("conns", 1000);
  std::vector<std::unique_ptr<ImapClient>> clients;
  const Stopwatch watch;
  for (long i = 0; i < connections; ++i) {
    clients.push_back(std::make_unique<ImapClient>(options, 4096));
    clients.back()->login(i);
    clients.back()->must("SELECT " + options.text("mbox", "INBOX"));
    clients.back()->idle();
  }
  report(options, "imap idle connections opened", {static_cast<double>(connections) / watch.seconds()}, "conns/s",
         fmt::format(",\"conns\":{}", connections));
  while (std::getchar() != EOF) {
  }
  for (const auto& client : clients) client->done();
}

}  // namespace mailload
