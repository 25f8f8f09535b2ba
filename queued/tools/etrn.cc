// etrn.cc - ostler etrn HOST DOMAIN: asks a server that keeps our mail to send it now. RFC 1985.
#include <sysexits.h>

#include <cstdio>

#include <fmt/format.h>

#include "libmailcore/async/loop.h"
#include "libmailcore/config/names.h"
#include "libmailcore/dns/mx.h"
#include "libmailcore/net/connection.h"
#include "libmailcore/smtp/client.h"
#include "queued/tools/common.h"
#include "queued/tools/dns_options.h"

namespace ostler::tools {
namespace {

constexpr std::chrono::seconds kServerPatience{60};

struct Asked {
  std::string host;
  std::uint16_t port = 25;
  std::string node;
  std::string heloName;
  std::string user;
  std::string password;
};

Task<Result<std::vector<net::Endpoint>>> endpointsOf(dns::Resolver& resolver, Asked asked) {
  std::vector<net::Endpoint> endpoints;
  if (const auto address = net::IpAddress::parse(asked.host)) {
    endpoints.push_back({*address, asked.port, ""});
    co_return endpoints;
  }
  const Result<dns::HostAddresses> found = co_await dns::findAddresses(resolver, asked.host, Deadline::after(kServerPatience));
  if (!found) co_return fail(found.error());
  for (const net::IpAddress& address : found->addresses) endpoints.push_back({address, asked.port, ""});
  if (endpoints.empty()) co_return fail(Error::Kind::notFound, asked.host + " has no address");
  co_return endpoints;
}

Task<Result<smtp::Reply>> askAt(Loop& loop, net::Endpoint to, Asked asked, std::shared_ptr<const net::TlsClientContext> tls) {
  Result<std::unique_ptr<net::Stream>> stream = co_await net::connectTo(loop, to, std::nullopt, Deadline::after(kServerPatience));
  if (!stream) co_return fail(stream.error());
  smtp::ClientOptions options;
  options.heloName = asked.heloName;
  smtp::Client client(net::Connection(loop, std::move(*stream)), std::move(options));
  Result<smtp::Reply> reply = co_await client.greet();
  if (!reply || reply->code / 100 != 2) co_return reply;
  if (client.capabilities().startTls && tls) {
    net::TlsClientOptions with;
    with.serverName = asked.host;
    with.context = tls;
    // A password goes to the server it is meant for; the bare question needs no more than a wire that is not read along.
    with.verify = asked.user.empty() ? net::TlsVerify::none : net::TlsVerify::pkix;
    reply = co_await client.startTls(std::move(with));
    if (!reply) co_return reply;
  }
  if (!asked.user.empty()) {
    if (client.tls() == nullptr) co_return fail(Error::Kind::denied, "the password is not sent without TLS");
    reply = co_await client.authenticate(asked.user, asked.password);
    if (!reply || reply->code / 100 != 2) co_return reply;
  }
  reply = co_await client.etrn(asked.node);
  if (!reply) co_return reply;
  co_await client.quit();
  co_return reply;
}

Task<Result<smtp::Reply>> askAny(Loop& loop, dns::Resolver& resolver, Asked asked, std::shared_ptr<const net::TlsClientContext> tls) {
  const Result<std::vector<net::Endpoint>> endpoints = co_await endpointsOf(resolver, asked);
  if (!endpoints) co_return fail(endpoints.error());
  Result<smtp::Reply> reply = fail(Error::Kind::closed, "nobody was asked");
  for (const net::Endpoint& to : *endpoints) {
    reply = co_await askAt(loop, to, asked, tls);
    if (reply) break;
  }
  co_return reply;
}

}  // namespace

int etrn(const Call& call) {
  CommonOptions options;
  std::string host, node, user, passwordFile;
  CLI::App app("Asks a server that keeps mail for a domain of ours to send it now (RFC 1985).");
  addConfigOption(app, options);
  app.add_option("HOST", host, "the server: a name or an address, either with :port")->required();
  app.add_option("DOMAIN", node, "whose mail; @DOMAIN: those below it, too")->required();
  app.add_option("--user", user, "log in as, over verified TLS")->type_name("USER");
  app.add_option("--password-file", passwordFile, "its password; -: standard input")->type_name("FILE");
  if (const auto exit = parse(app, call)) return *exit;
  const auto config = loadConfig(options);
  if (!config) return EX_CONFIG;
  const std::optional<config::HostAndPort> at = config::parseHost(host);
  if (!at) return fmt::print(stderr, "{}: {}: a port is a number from 1 to 65535\n", call.name, host), EX_USAGE;
  Asked asked;
  asked.host = at->host();
  asked.port = at->port.value_or(25);
  asked.node = node;
  asked.heloName = config->outbound.heloName.empty() ? config->hostName : config->outbound.heloName;
  if (!user.empty()) {
    const Result<std::string> password = readPassword(passwordFile, "Password of " + user);
    if (!password) return fmt::print(stderr, "{}: {}\n", call.name, password.error().detail), EX_NOINPUT;
    asked.user = user;
    asked.password = *password;
  }
  Loop loop;
  const auto resolver = dns::UnboundResolver::create(loop, dnsOptions(config->dns), std::make_shared<dns::AnswerCache>());
  if (!resolver) return fmt::print(stderr, "{}: {}\n", call.name, resolver.error().detail), EX_CONFIG;
  const auto tls = net::TlsClientContext::load(config->outbound.caFile);
  if (!tls) return fmt::print(stderr, "{}: {}\n", call.name, tls.error().detail), EX_CONFIG;
  const Result<smtp::Reply> reply = loop.runUntilDone(askAny(loop, **resolver, std::move(asked), *tls));
  if (!reply) {
    fmt::print(stderr, "{}: {}: {}\n", call.name, host, reply.error().detail);
    return EX_UNAVAILABLE;
  }
  fmt::print("{}\n", reply->oneLine());
  const int klass = reply->code / 100;
  return klass == 2 ? EX_OK : klass == 4 ? EX_TEMPFAIL : EX_UNAVAILABLE;
}

}  // namespace ostler::tools
