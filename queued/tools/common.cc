#include "queued/tools/common.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <utility>

#include <fmt/format.h>

#include "libmailcore/async/loop.h"
#include "libmailcore/base/unique_fd.h"
#include "libmailcore/ipc/control.h"
#include "libmailcore/ipc/socket.h"

namespace ostler::tools {
namespace {

int exitCodeOf(const Error& error) {
  switch (error.kind) {
    case Error::Kind::timeout:
    case Error::Kind::closed:
    case Error::Kind::notFound:
    case Error::Kind::temporary:
      return EX_UNAVAILABLE;
    case Error::Kind::denied:
      return EX_NOPERM;
    case Error::Kind::syntax:
      return EX_PROTOCOL;
    default:
      return EX_SOFTWARE;
  }
}

/// Nothing if somebody takes connections at `path`, now or after the moment a daemon needs to start again; else why not.
std::optional<int> whyUnreachable(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return std::nullopt;  // the client says what is wrong
  path.copy(address.sun_path, path.size());
  const Deadline patience = Deadline::after(std::chrono::seconds(2));
  while (true) {
    const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return std::nullopt;
    if (errno == EACCES) {
      fmt::print(stderr, "ostler: {}: only administrators may ask here\n", path);
      return EX_NOPERM;
    }
    if (errno != ENOENT && errno != ECONNREFUSED) return std::nullopt;
    if (patience.passed()) {
      fmt::print(stderr, "ostler: nobody listens at {}; is the suite running?\n", path);
      return EX_UNAVAILABLE;
    }
    ::usleep(50'000);
  }
}

/// The pages of an answer. The next one is asked for before the last is looked at, so that one side works while the other does.
class Pages {
 public:
  Pages(Loop& loop, ipc::Client& client, ipc::ControlRequest request, Deadline deadline)
      : loop_(loop), client_(client), request_(std::move(request)), deadline_(deadline), came_(loop), scope_(loop) {
    scope_.spawn(fetch());
  }
  /// REQUIRES: the last one, if there was one, named another.
  [[nodiscard]] Task<Result<ipc::ControlReply>> next() {
    const Result<void> came = co_await came_.wait(Deadline::never());
    (void)came;
    Result<ipc::ControlReply> reply = std::move(page_);
    if (!reply || reply->next.empty()) co_return reply;
    request_.cursor = reply->next;
    scope_.spawn(fetch());
    co_await loop_.yield();  // the request leaves before somebody prints
    co_return reply;
  }

 private:
  [[nodiscard]] Task<void> fetch() {
    page_ = co_await client_.call(request_, deadline_);
    came_.set();
  }

  Loop& loop_;
  ipc::Client& client_;
  ipc::ControlRequest request_;
  Deadline deadline_;
  Signal came_;
  Result<ipc::ControlReply> page_;
  TaskScope scope_;
};

/// Reads a line with the terminal's echo off.
class QuietTerminal {
 public:
  QuietTerminal() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~QuietTerminal() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;
  static std::string line(const std::string& prompt) {
    fmt::print(stderr, "{}: ", prompt);
    std::string text;
    std::getline(std::cin, text);
    fmt::print(stderr, "\n");
    return text;
  }

 private:
  termios before_{};
  bool changed_ = false;
};

Result<std::string> firstLine(std::istream& in, const std::string& what) {
  std::string line;
  std::getline(in, line);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (line.empty()) return fail(Error::Kind::syntax, what + " holds no password");
  return line;
}

}  // namespace

void addConfigOption(CLI::App& app, CommonOptions& options) {
  options.config = kUsualConfig;
  app.add_option("-c,--config", options.config, "the configuration")->envname("OSTLER_CONFIG")->type_name("FILE");
}

void addJsonOption(CLI::App& app, CommonOptions& options) {
  app.add_flag("--json", options.json, "JSON, one value a line");
}

std::optional<int> parse(CLI::App& app, const Call& call) {
  app.name(call.name);
  try {
    app.parse(std::vector<std::string>(call.words.rbegin(), call.words.rend()));  // CLI11 takes them from the end
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? EX_OK : EX_USAGE;
  }
  return std::nullopt;
}

std::shared_ptr<const config::Config> loadConfig(const CommonOptions& options) {
  const config::Loaded loaded = config::load(options.config);
  if (loaded.config) return loaded.config;
  for (const config::Problem& problem : loaded.problems) {
    if (problem.severity == config::Problem::Severity::error) fmt::print(stderr, "{}\n", config::toText(problem));
  }
  return nullptr;
}

int ask(const config::Config& config, const std::string& socket, std::vector<std::string> words,
        const std::function<void(const std::string& output)>& onPage, Deadline deadline) {
  // Who is not there is told at once; an answer may take as long as the question needs.
  if (const std::optional<int> unreachable = whyUnreachable(config.socketPath(socket))) return *unreachable;
  Loop loop;
  ipc::Client client(loop, config.socketPath(socket));
  ipc::ControlRequest request;
  request.words = std::move(words);
  Pages pages(loop, client, std::move(request), deadline);
  std::string line;  ///< of a page that ends within one
  while (true) {
    Result<ipc::ControlReply> reply = loop.runUntilDone(pages.next());
    if (!reply) {
      fmt::print(stderr, "ostler: no answer from {}: {}; is the suite running?\n", config.socketPath(socket),
                 reply.error().detail);
      return exitCodeOf(reply.error());
    }
    // A line may be longer than several pages.
    reply->output.insert(0, std::exchange(line, {}));
    const std::size_t end = reply->next.empty() ? reply->output.size() : reply->output.rfind('\n') + 1;
    line = reply->output.substr(end);
    reply->output.resize(end);
    if (!reply->output.empty()) onPage(reply->output);
    if (!reply->error.empty()) fmt::print(stderr, "ostler: {}\n", reply->error);
    if (reply->next.empty()) return reply->exitCode;
  }
}

int askAndPrint(const config::Config& config, const std::string& socket, std::vector<std::string> words,
                Deadline deadline) {
  const auto print = [](const std::string& output) {
    std::fwrite(output.data(), 1, output.size(), stdout);
    if (output.back() != '\n') std::fputc('\n', stdout);
  };
  return ask(config, socket, std::move(words), print, deadline);
}

Result<std::string> readPassword(const std::string& file, const std::string& prompt) {
  if (file == "-") return firstLine(std::cin, "standard input");
  if (!file.empty()) {
    std::ifstream in(file);
    if (!in) return fail(Error::Kind::notFound, "cannot read " + file);
    return firstLine(in, file);
  }
  if (::isatty(STDIN_FILENO) == 0)
    return fail(Error::Kind::permanent,
                "no terminal to ask for a password: use --password-file FILE (- for standard input)");
  const QuietTerminal quiet;
  const std::string password = QuietTerminal::line(prompt);
  if (password.empty()) return fail(Error::Kind::syntax, "an empty password is no password");
  if (QuietTerminal::line(prompt + " (again)") != password)
    return fail(Error::Kind::syntax, "the two passwords differ");
  return password;
}

}  // namespace ostler::tools
