#include "queued/out/session.h"

#include "libmailcore/base/ascii.h"
#include "queued/out/racing.h"

namespace ostler::out {
namespace {

constexpr std::uint16_t kSubmissions = 465;  // implicit TLS: RFC 8314 3.3

std::string remoteHostText(const std::string& name, const net::Endpoint& at) {
  if (!at.unixPath.empty()) return at.unixPath;
  return name + " [" + at.address.text() + "]:" + std::to_string(at.port);
}

net::TlsClientOptions tlsOptions(const Settings& settings, const TlsPolicy& policy, const std::string& to) {
  net::TlsClientOptions options;
  options.serverName = policy.serverName;
  options.verify = policy.verify;
  options.context = settings.tls;
  options.tlsa = policy.tlsa;
  options.alsoMatch = policy.alsoMatch;
  options.tickets = settings.tickets;
  options.peer = to;
  return options;
}

// Steps of the dialogue until mail can be sent. Each returns the refusal that ended it, or nothing.
class Opening {
 public:
  Opening(std::shared_ptr<const Settings> settings, const ipc::NextHop& hop, const TlsPolicy& policy, Security security,
          smtp::Client& client, std::string to)
      : settings_(std::move(settings)), hop_(hop), policy_(policy), security_(security), client_(client), to_(std::move(to)) {}

  [[nodiscard]] Task<std::optional<smtp::Reply>> run() {
    const Result<smtp::Reply> greeting = co_await client_.greet();
    std::optional<smtp::Reply> refusal = refusalOf(greeting, "greeting");
    if (!refusal && !client_.tls()) refusal = co_await encrypt();
    if (!refusal && !hop_.user.empty()) refusal = co_await logIn();
    co_return refusal;
  }
  [[nodiscard]] bool handshakeFailed() const { return handshakeFailed_; }

 private:
  static std::optional<smtp::Reply> refusalOf(const Result<smtp::Reply>& reply, const std::string& step) {
    if (reply && reply->code / 100 == 2) return std::nullopt;
    if (reply) return *reply;
    const bool late = reply.error().kind == Error::Kind::timeout;
    return smtp::Reply{451, "4.4.2", late ? "no answer in time to " + step : "connection lost at " + step + ": " + reply.error().detail, true};
  }

  [[nodiscard]] Task<std::optional<smtp::Reply>> encrypt() {
    if (security_ == Security::clearText) co_return std::nullopt;
    if (!client_.capabilities().startTls) {
      if (!policy_.required) co_return std::nullopt;
      co_return smtp::Reply{451, "4.7.4", "TLS is required, but was not offered", true};
    }
    const net::TlsClientOptions options = tlsOptions(*settings_, policy_, to_);
    const Result<smtp::Reply> reply = co_await client_.startTls(options);
    if (reply && (reply->code / 100 == 2 || !policy_.required) && client_.usable()) co_return std::nullopt;
    handshakeFailed_ = true;
    co_return smtp::Reply{451, "4.7.5", "TLS with the next host failed: " + (reply ? reply->oneLine() : reply.error().detail), true};
  }

  // Credentials go over TLS or to this machine alone.
  [[nodiscard]] Task<std::optional<smtp::Reply>> logIn() {
    if (!client_.tls() && !hop_.name.starts_with('/')) {
      co_return smtp::Reply{451, "4.7.4", "a password is configured, but there is no TLS to send it over", true};
    }
    const Result<smtp::Reply> reply = co_await client_.authenticate(hop_.user, hop_.password);
    std::optional<smtp::Reply> refusal = refusalOf(reply, "AUTH");
    // 535 is our configuration's fault, not the sender's: the mail waits until somebody has mended it.
    if (refusal && refusal->isPermanent()) refusal = smtp::Reply{451, "4.7.8", "the next host refused our credentials: " + refusal->oneLine(), true};
    co_return refusal;
  }

  std::shared_ptr<const Settings> settings_;
  const ipc::NextHop& hop_;
  const TlsPolicy& policy_;
  Security security_;
  smtp::Client& client_;
  std::string to_;
  bool handshakeFailed_ = false;
};

}  // namespace

Task<Opened> openSession(Loop& loop, std::shared_ptr<const Settings> settings, ipc::NextHop hop, std::string heloName,
                         std::string hostName, net::Endpoint to, TlsPolicy policy, Security security) {
  const std::optional<net::IpAddress> source = sourceFor(*settings, to);
  Result<std::unique_ptr<net::Stream>> stream = co_await net::connectTo(loop, to, source, Deadline::after(settings->connectTimeout));
  if (!stream) {
    Opened out;
    out.refusal = {451, "4.4.1", stream.error().detail};
    co_return out;
  }
  Opened opened = co_await openSessionOn(loop, settings, hop, heloName, hostName, to, std::move(*stream), policy, security);
  co_return opened;
}

Task<Opened> openSessionOn(Loop& loop, std::shared_ptr<const Settings> settings, ipc::NextHop hop, std::string heloName,
                           std::string hostName, net::Endpoint to, std::unique_ptr<net::Stream> stream, TlsPolicy policy, Security security) {
  Opened out;
  out.remoteHost = remoteHostText(hostName, to);
  net::Connection connection(loop, std::move(stream));
  if (to.port == kSubmissions && to.unixPath.empty()) {
    net::TlsClientOptions options = tlsOptions(*settings, policy, to.text());
    const Result<void> secured = co_await connection.startTlsAsClient(std::move(options), Deadline::after(settings->timeouts.command));
    if (!secured) {
      out.refusal = {451, "4.7.5", "TLS with the next host failed: " + secured.error().detail, true};
      co_return out;
    }
  }
  smtp::ClientOptions options{std::move(heloName), hop.kind == ipc::NextHop::Kind::lmtp, settings->timeouts};
  auto session = std::make_unique<Session>(smtp::Client(std::move(connection), std::move(options)), out.remoteHost);
  Opening opening(settings, hop, policy, security, session->client, to.text());
  std::optional<smtp::Reply> refusal = co_await opening.run();
  out.handshakeFailed = opening.handshakeFailed();
  if (refusal) {
    out.refusal = std::move(*refusal);
    out.transcript = session->client.transcript().text();
    co_await session->client.quit();
  } else {
    out.session = std::move(session);
  }
  co_return out;
}

// ---- SessionCache

std::string SessionCache::keyOf(const ipc::NextHop& hop, const Host& host, const std::string& heloName) {
  std::string key = host.endpoint ? host.endpoint->text() : asciiLower(host.name) + ":" + std::to_string(host.port);
  key += hop.kind == ipc::NextHop::Kind::lmtp ? " lmtp" : " smtp";
  key += hop.tlsRequired ? " required" : "";
  key += " " + std::to_string(hop.tlsVerify) + " " + heloName;
  // The name to verify depends on the domain, where verification is asked for.
  if (hop.tlsVerify != 0 && hop.kind == ipc::NextHop::Kind::mx) key += " " + asciiLower(hop.name);
  if (!hop.user.empty()) key += " " + hop.user + " " + hop.password;
  return key;
}

std::unique_ptr<Session> SessionCache::take(const std::string& key) {
  const auto at = idle_.find(key);
  if (at == idle_.end()) return nullptr;
  std::unique_ptr<Session> found;
  while (!at->second.empty() && !found) {
    // The one used last: others get old and go.
    std::unique_ptr<Session> session = std::move(at->second.back());
    at->second.pop_back();
    --size_;
    if (!session->client.wasClosedWhileIdle()) found = std::move(session);
  }
  if (at->second.empty()) idle_.erase(at);
  return found;
}

void SessionCache::put(const std::string& key, std::unique_ptr<Session> session) {
  session->idleSince = std::chrono::steady_clock::now();
  idle_[key].push_back(std::move(session));
  ++size_;
}

void SessionCache::endSession(std::unique_ptr<Session> session) {
  farewells_.spawn([](std::unique_ptr<Session> ending) -> Task<void> { co_await ending->client.quit(); }(std::move(session)));
}

void SessionCache::sweep(SteadyTime then) {
  for (auto at = idle_.begin(); at != idle_.end();) {
    auto& sessions = at->second;  // the oldest first
    while (!sessions.empty() && sessions.front()->idleSince < then) {
      endSession(std::move(sessions.front()));
      sessions.erase(sessions.begin());
      --size_;
    }
    at = sessions.empty() ? idle_.erase(at) : std::next(at);
  }
}

}  // namespace ostler::out
