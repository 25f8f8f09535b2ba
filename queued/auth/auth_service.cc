#include "queued/auth/auth_service.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "libmailcore/base/ascii.h"
#include "libmailcore/directory/resolve.h"
#include "libmailcore/ipc/wire.h"
#include "queued/auth/permissions.h"

namespace ostler::queued::auth {

namespace {

void add(Askers& askers, const std::string& user, Asker as) {
  const passwd* const entry = user.empty() ? nullptr : ::getpwnam(user.c_str());
  if (entry != nullptr) askers[entry->pw_uid] |= static_cast<unsigned>(as);
}

/// Who may ask what: with one user for all of the suite that one may everything, else each process what is its own.
Askers askersOf(const config::Config& config) {
  Askers askers;
  for (const uid_t own : {uid_t{0}, ::geteuid()}) askers[own] |= static_cast<unsigned>(Asker::administrator);
  add(askers, config.user, Asker::administrator);
  for (const auto& [process, user] : config.users) {
    const bool talksToClients = process == "smtpd" || process == "pop3d" || process == "imapd";
    if (talksToClients) add(askers, user, Asker::session);
    if (process == "spool") add(askers, user, Asker::spool);
  }
  return askers;
}

/// A name that a stranger invented, for a JSON string.
std::string withoutQuotes(const std::string& text) {
  std::string out = printable(text, 400);
  std::replace_if(out.begin(), out.end(), [](char c) { return c == '"' || c == '\\'; }, '?');
  return out;
}

struct Resolved {
  ipc::Resolution answer;
  std::string tooLong;  ///< for a frame: the answer, encoded
};

std::string asText(const LockoutTable::Locked& row) {
  return fmt::format("{}: {} failures, locked out until {:%Y-%m-%d %H:%M:%S}\n", printable(textOfKey(row.key), 400), row.failures,
                     fmt::localtime(std::chrono::system_clock::to_time_t(row.until)));
}

std::string asJson(const LockoutTable::Locked& row) {
  return fmt::format("{{\"locked\":\"{}\",\"failures\":{},\"until\":{}}}\n", withoutQuotes(textOfKey(row.key)), row.failures,
                     toUnixMillis(row.until) / 1000);
}

}  // namespace

AuthService::AuthService(Parts parts) : parts_(std::move(parts)), askers_(askersOf(*parts_.config)) {
  readKeys();
}

/// A file that cannot be read leaves the keys as they were: a reload breaks nobody's login.
void AuthService::readKeys() {
  const std::string& path = parts_.config->oauth.jwksFile;
  if (path.empty()) {
    keys_ = nullptr;
    return;
  }
  std::ifstream file(path, std::ios::binary);
  const std::string json((std::istreambuf_iterator<char>(file)), {});
  const auto keys = sasl::JwkSet::parse(json);
  if (keys) {
    keys_ = *keys;
  } else {
    parts_.log.error("oauth-keys", {{"file", path}, {"reason", file ? keys.error().detail : "cannot be read"}});
  }
}

void AuthService::serve(ipc::Server& server) {
  using Descriptors = std::vector<UniqueFd>;
  server.onWithDescriptors<ipc::LoginStart>([this](Connection from, ipc::LoginStart request, Descriptors) {
    return loginStart(std::move(from), std::move(request));
  });
  server.onWithDescriptors<ipc::LoginContinue>([this](Connection from, ipc::LoginContinue request, Descriptors) {
    return loginContinue(std::move(from), std::move(request));
  });
  server.onNotice<ipc::LoginCancel>(
      [this](Connection from, const ipc::LoginCancel& request) { loginCancel(*from, request); });
  server.on<ipc::WhoIs>(
      [this](Connection from, ipc::WhoIs request, Descriptors) { return whoIs(std::move(from), std::move(request)); });
  server.on<ipc::Resolve>([this](Connection from, ipc::Resolve request, Descriptors) {
    return resolve(std::move(from), std::move(request));
  });
  server.on<ipc::ResolvePiece>([this](Connection from, const ipc::ResolvePiece& request, const Descriptors&) {
    return resolvePiece(std::move(from), request);
  });
  server.on<ipc::AwaitDirectory>([this](Connection from, const ipc::AwaitDirectory& request, const Descriptors&) {
    return awaitDirectory(std::move(from), request);
  });
  server.on<ipc::WhoIsShutOut>([this](Connection from, ipc::WhoIsShutOut request, Descriptors) {
    return whoIsShutOut(std::move(from), std::move(request));
  });
  server.on<ipc::ControlRequest>([this](Connection from, ipc::ControlRequest request, Descriptors) {
    return control(std::move(from), std::move(request));
  });
  server.onClosed([this](const ipc::ServerConnection& gone) { connectionClosed(gone); });
}

void AuthService::replaceConfig(std::shared_ptr<const config::Config> config) {
  parts_.config = std::move(config);
  askers_ = askersOf(*parts_.config);
  introspected_.clear();
  readKeys();
}

Result<void> AuthService::check(const ipc::ServerConnection& from, std::uint16_t request) const {
  const char* const refusal = refusalOf(request, from.peer().uid, askers_);
  if (refusal == nullptr) return {};
  parts_.log.warn("request-refused", {{"uid", std::uint64_t{from.peer().uid}}, {"wanted", refusal}});
  return fail(Error::Kind::denied, "auth: uid " + std::to_string(from.peer().uid) + " may not " + refusal);
}

Task<Result<ipc::Identity>> AuthService::whoIs(Connection from, ipc::WhoIs request) {
  const Result<void> allowed = check(*from, ipc::WhoIs::kType);
  if (!allowed) co_return fail(allowed.error());
  const ipc::Identity* const identity = tokens_.find(request.token);
  if (identity == nullptr) co_return ipc::Identity{};
  ipc::Identity answer = *identity;  // the connection, and the token with it, may go meanwhile
  auto job = [directory = parts_.directory, account = answer.account] { return isShutOut(*directory, account); };
  const Result<bool> isOver = co_await parts_.directoryReads.run(parts_.loop, std::move(job));
  if (isOver && *isOver) co_return ipc::Identity{};  // a directory that cannot be read ends nobody's session
  co_return answer;
}

Task<Result<ipc::Resolution>> AuthService::resolve(Connection from, ipc::Resolve request) {
  const Result<void> allowed = check(*from, ipc::Resolve::kType);
  if (!allowed) co_return fail(allowed.error());
  auto job = [directory = parts_.directory, options = directory::resolveOptions(*parts_.config),
              address = std::move(request.address)]() -> Result<Resolved> {
    Result<ipc::Resolution> resolution = directory::resolve(*directory, options, address);
    if (!resolution) return fail(resolution.error());
    std::string encoded = ipc::encode(*resolution);
    if (encoded.size() > LongAnswers::kPiece) return Resolved{{}, std::move(encoded)};
    return Resolved{std::move(*resolution), {}};
  };
  Result<Resolved> resolved = co_await parts_.directoryReads.run(parts_.loop, std::move(job));
  if (!resolved) {
    parts_.log.warn("resolve-failed", {{"reason", resolved.error().detail}});
    co_return fail(resolved.error());
  }
  if (resolved->tooLong.empty()) co_return std::move(resolved->answer);
  co_return longAnswers_.keep(from->id(), std::move(resolved->tooLong));
}

Task<Result<ipc::ResolutionPiece>> AuthService::resolvePiece(Connection from, ipc::ResolvePiece request) {
  const Result<void> allowed = check(*from, ipc::ResolvePiece::kType);
  if (!allowed) co_return fail(allowed.error());
  co_return longAnswers_.piece(from->id(), request);
}

Task<Result<ipc::ControlReply>> AuthService::control(Connection from, ipc::ControlRequest request) {
  const Result<void> allowed = check(*from, ipc::ControlRequest::kType);
  if (!allowed) co_return fail(allowed.error());
  ipc::ControlReply reply;
  if (!request.words.empty() && request.words[0] == "lockouts") {
    co_return lockouts(request);
  } else if (request.words.size() == 2 && request.words[0] == "unlock") {
    const Result<net::IpAddress> client = net::IpAddress::parse(request.words[1]);
    lockouts_.clear(client ? clientKey(*client) : accountKey(request.words[1]));
    parts_.log.info("unlocked", {{"uid", std::uint64_t{from->peer().uid}}, {"who", request.words[1]}});
  } else {
    reply.exitCode = EX_USAGE;
    reply.error = "auth knows the commands lockouts and unlock NAME";
  }
  co_return reply;
}

/// Page by page: a flood of failed logins locks out more names than fit into a frame.
ipc::ControlReply AuthService::lockouts(const ipc::ControlRequest& request) const {
  constexpr std::size_t kPage = 5'000;
  const config::DirectorySettings& settings = parts_.config->directory;
  const LockoutRules rules{settings.failuresBeforeLockout, settings.lockout};
  const std::vector<LockoutTable::Locked> rows = lockouts_.locked(rules, parts_.clock.now());
  const bool json = std::find(request.words.begin(), request.words.end(), "--json") != request.words.end();
  const std::size_t from = std::min<std::size_t>(parseDecimal(request.cursor).value_or(0), rows.size());
  const std::size_t to = std::min(rows.size(), from + kPage);
  ipc::ControlReply reply;
  for (std::size_t at = from; at < to; ++at) reply.output += json ? asJson(rows[at]) : asText(rows[at]);
  if (to < rows.size()) reply.next = std::to_string(to);
  return reply;
}

void AuthService::connectionClosed(const ipc::ServerConnection& gone) {
  tokens_.forget(gone.id());
  longAnswers_.forget(gone.id());
  std::erase_if(conversations_, [&](const auto& row) { return row.second.connection == gone.id(); });
}

}  // namespace ostler::queued::auth
