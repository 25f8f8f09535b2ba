#include "queued/out/introspection.h"

#include <array>
#include <fstream>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/base64.h"
#include "libmailcore/dns/mx.h"
#include "libmailcore/net/connection.h"
#include "queued/out/http_response.h"
#include "queued/out/racing.h"

namespace ostler::out {
namespace {

constexpr std::chrono::seconds kPatienceWithServer{5};  // a client waits for the end of its AUTH
constexpr std::size_t kMostAnswer = 64 * 1024;

/// application/x-www-form-urlencoded, each octet that is not surely harmless as %XX. RFC 6749 B.
std::string formEncoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool isPlain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    out += isPlain ? std::string(1, c) : "%" + asciiUpper(toHex(std::string_view(&c, 1)));
  }
  return out;
}

Task<Result<std::vector<net::Endpoint>>> addressesOfServer(std::shared_ptr<const Settings> settings, net::HttpsUrl url, Deadline deadline) {
  const Result<net::IpAddress> literal = net::IpAddress::parse(url.host);
  if (literal) co_return std::vector<net::Endpoint>{{*literal, url.port, ""}};
  const Result<dns::HostAddresses> found = co_await dns::findAddresses(*settings->resolver, url.host, deadline);
  if (!found || found->addresses.empty()) co_return fail(Error::Kind::temporary, "DNS gives no address of " + url.host);
  std::vector<net::Endpoint> endpoints;
  for (const net::IpAddress& address : found->addresses) endpoints.push_back({address, url.port, ""});
  co_return endpoints;
}

Task<Result<HttpResponse>> readResponse(net::Connection& connection, Deadline deadline) {
  std::string octets;
  while (true) {
    const Result<std::string_view> more = co_await connection.readSome(kMostAnswer, deadline);
    if (!more) co_return fail(Error::Kind::temporary, more.error().detail);
    octets += *more;
    if (octets.size() > kMostAnswer) co_return fail(Error::Kind::temporary, "an answer of more than 64 KiB");
    Result<std::optional<HttpResponse>> response = parseHttpResponse(octets, more->empty() ? Octets::areAll : Octets::moreMayCome);
    if (!response) co_return fail(Error::Kind::temporary, response.error().detail);
    if (*response) co_return std::move(**response);
  }
}

Task<Result<HttpResponse>> post(Loop& loop, std::shared_ptr<const Settings> settings, std::string token) {
  const Introspection& server = *settings->introspection;
  const Deadline deadline = Deadline::after(kPatienceWithServer);
  Result<std::vector<net::Endpoint>> endpoints = co_await addressesOfServer(settings, server.url, deadline);
  if (!endpoints) co_return fail(endpoints.error());
  Race race = co_await connectToFirst(loop, settings, std::move(*endpoints));
  if (!race.stream) co_return fail(Error::Kind::temporary, race.losers.empty() ? "no connection" : race.losers.front().error.detail);
  net::TlsClientOptions options;
  options.serverName = server.url.host;
  options.context = server.tls;
  options.tickets = settings->tickets;
  options.peer = "introspection " + race.winner.text();
  Result<std::unique_ptr<net::Stream>> secured = co_await net::connectTls(loop, std::move(race.stream), std::move(options), deadline);
  if (!secured) co_return fail(Error::Kind::temporary, secured.error().detail);
  net::Connection connection(loop, std::move(*secured));
  connection.write(introspectionRequest(server, token));
  const Result<void> sent = co_await connection.flush(deadline);
  if (!sent) co_return fail(Error::Kind::temporary, sent.error().detail);
  Result<HttpResponse> response = co_await readResponse(connection, deadline);
  co_return response;
}

}  // namespace

Result<std::shared_ptr<const Introspection>> makeIntrospection(const config::OauthSettings& settings) {
  if (settings.introspectionUrl.empty()) return std::shared_ptr<const Introspection>();
  auto made = std::make_shared<Introspection>();
  Result<net::HttpsUrl> url = net::parseHttpsUrl(settings.introspectionUrl);
  if (!url) return fail(Error::Kind::permanent, "oauth.introspection.url: " + url.error().detail);
  made->url = std::move(*url);
  if (!settings.clientSecretFile.empty()) {
    std::ifstream file(settings.clientSecretFile);
    std::string secret;
    if (!std::getline(file, secret)) return fail(Error::Kind::permanent, settings.clientSecretFile + ": cannot be read");
    made->authorization = "Basic " + encodeBase64(formEncoded(settings.clientId) + ":" + formEncoded(trim(secret)));
  }
  auto tls = net::TlsClientContext::load(settings.introspectionCa);
  if (!tls) return fail(tls.error());
  made->tls = std::move(*tls);
  return std::shared_ptr<const Introspection>(std::move(made));
}

std::string introspectionRequest(const Introspection& server, std::string_view token) {
  const std::string content = "token=" + formEncoded(token) + "&token_type_hint=access_token";
  std::string request = "POST " + server.url.target + " HTTP/1.1\r\nHost: " + server.url.authority() + "\r\n";
  if (!server.authorization.empty()) request += "Authorization: " + server.authorization + "\r\n";
  request += "Accept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " +
             std::to_string(content.size()) + "\r\nConnection: close\r\n\r\n";
  return request + content;
}

Task<Result<ipc::Introspected>> introspect(Loop& loop, std::shared_ptr<const Settings> settings, ipc::Introspect request) {
  if (!settings->introspection) co_return fail(Error::Kind::temporary, "oauth.introspection.url is not set");
  Result<HttpResponse> response = co_await post(loop, settings, std::move(request.token));
  if (!response) co_return fail(Error::Kind::temporary, settings->introspection->url.authority() + ": " + response.error().detail);
  if (response->status != 200)
    co_return fail(Error::Kind::temporary, settings->introspection->url.authority() + " answers with status " + std::to_string(response->status));
  co_return ipc::Introspected{std::move(response->content)};
}

}  // namespace ostler::out
