#include "queued/health/health.h"

#include <sysexits.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <list>

#include <fmt/format.h>

#include "libmailcore/daemon/file_rights.h"
#include "libmailcore/daemon/role.h"
#include "libmailcore/net/listener.h"
#include "queued/health/http_request.h"
#include "queued/health/pages.h"

namespace ostler::health {
namespace {

constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::seconds kDrain{2};
constexpr std::size_t kMostSessions = 64;

// user       Config::user, without capabilities
// programs   none
// network    what listens; connections to our own listeners, to see whether they answer
// files      the configuration and the certificates, the counters of the others; writes its log and its own counters
Result<void> confine(const config::Config& config, const std::string& configFile) {
  daemon::FileRights rights = daemon::listenerFiles(config, configFile);
  for (const std::string& folder : {config.dataDir, config.spoolRoot()}) rights.read.push_back(folder);
  rights.read.push_back(config.log.countersDir);
  rights.outgoingTcp = daemon::FileRights::OutgoingTcp::allowed;
  return daemon::confineTo(config, rights, daemon::SystemCalls::process);
}

/// Those systemd hands over, wherever the configuration names their address; the others are made.
Result<std::vector<UniqueFd>> socketsAt(const std::vector<net::Endpoint>& addresses) {
  auto inherited = net::inheritedListeners();
  std::vector<UniqueFd> sockets;
  for (const net::Endpoint& at : addresses) {
    const auto given = std::find_if(inherited.begin(), inherited.end(), [&](const auto& one) { return one.first == at; });
    Result<UniqueFd> socket = given == inherited.end() ? net::listenOn(at) : Result<UniqueFd>(std::move(given->second));
    if (!socket) return fail(socket.error());
    sockets.push_back(std::move(*socket));
  }
  return sockets;
}

// Reads up to the empty line. RFC 9112 2.1
Task<Result<std::string>> readHead(net::Stream& stream, Deadline deadline) {
  std::string head;
  std::array<char, 1024> piece{};
  while (head.find("\r\n\r\n") == std::string::npos) {
    if (head.size() > kMaxHead) co_return fail(Error::Kind::limit, "http: a long head");
    const Result<std::size_t> got = co_await stream.readSome(piece, deadline);
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return fail(Error::Kind::closed, "http: closed");
    head.append(piece.data(), *got);
  }
  co_return head;
}

class Process final : public daemon::Role {
 public:
  explicit Process(const daemon::RoleStart& start)
      : loop_(start.loop), pool_("health", 2, 64), pages_(start.loop, pool_, start.config), sessions_(start.loop) {}

  [[nodiscard]] static daemon::RoleMade make(const daemon::RoleStart& start) {
    const auto refuse = [](int status, std::string why) { return tl::unexpected(daemon::RoleRefusal{status, std::move(why)}); };
    if (start.config->healthListeners.empty()) return refuse(EX_CONFIG, "health.listeners is empty: nothing to serve");
    Result<std::vector<UniqueFd>> sockets = socketsAt(start.config->healthListeners);
    if (!sockets) return refuse(EX_UNAVAILABLE, sockets.error().detail);
    ::tzset();  // reads a file, which later is not allowed
    const Result<void> confined = confine(*start.config, start.configFile);
    if (!confined) return refuse(EX_OSERR, confined.error().detail);
    auto process = std::make_unique<Process>(start);
    for (UniqueFd& socket : *sockets) process->listen(std::move(socket));
    return process;
  }

  [[nodiscard]] Result<void> use(std::shared_ptr<const config::Config> config) override {
    pages_.use(std::move(config));
    return {};
  }
  [[nodiscard]] Task<void> drain() override {
    listeners_.clear();
    const Result<void> idle = co_await sessions_.whenIdle(Deadline::after(kDrain));
    (void)idle;  // who has not heard by now asks again
  }

 private:
  void listen(UniqueFd socket) {
    listeners_.push_back(std::make_unique<net::Listener>(
        loop_, std::move(socket), [this](std::unique_ptr<net::Stream> stream, const net::Endpoint&) {
          if (sessions_.running() >= kMostSessions && !makeRoom()) return;
          sessions_.spawn(serve(std::move(stream)));
        }));
  }

  /// Who has been here longest without asking anything goes: connections that are silent keep nobody out who asks.
  bool makeRoom() {
    if (silent_.empty()) return false;
    silent_.front()->interruptRead();
    silent_.pop_front();
    return true;
  }

  Task<void> serve(std::unique_ptr<net::Stream> stream) {
    const Deadline deadline = Deadline::after(kPatience);
    silent_.push_back(stream.get());
    const Result<std::string> head = co_await readHead(*stream, deadline);
    silent_.remove(stream.get());
    if (!head) co_return;
    const Result<HttpRequest> request = parseHttpRequest(*head);
    const Page page = co_await answer(request ? *request : HttpRequest{});
    const std::string top = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
        page.status, page.status == 200 ? "OK" : "Not OK", page.text.size());
    const bool withBody = !request || request->method != "HEAD";
    const std::array<std::string_view, 2> parts = {top, withBody ? std::string_view(page.text) : std::string_view()};
    const Result<void> written = co_await stream->write(parts, deadline);
    if (written) stream->shutdown();
  }

  Task<Page> answer(HttpRequest request) {
    if (request.method.empty()) co_return Page{400, "this is no request\n"};
    if (request.method != "GET" && request.method != "HEAD") co_return Page{405, "GET and HEAD\n"};
    if (request.path == "/healthz") co_return Pages::healthz();
    Page page{404, "/healthz /readyz /metrics\n"};
    if (request.path == "/readyz") page = co_await pages_.readyz();
    if (request.path == "/metrics") page = co_await pages_.metrics();
    co_return page;
  }

  Loop& loop_;
  Pool pool_;
  Pages pages_;
  TaskScope sessions_;
  std::list<net::Stream*> silent_;  ///< whose request has not come, the oldest first
  std::vector<std::unique_ptr<net::Listener>> listeners_;
};

}  // namespace

int runHealth(const std::string& configFile) { return daemon::runRole(configFile, "queued/health", &Process::make); }

}  // namespace ostler::health
