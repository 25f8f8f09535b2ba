#include "queued/out/settings.h"

#include "libmailcore/dns/unbound_resolver.h"
#include "queued/out/introspection.h"
#include "queued/schedule/scheduler.h"

namespace ostler::out {
namespace {

dns::UnboundOptions dnsOptions(const config::DnsSettings& from) {
  dns::UnboundOptions to;
  to.servers = from.servers;
  to.recursive = from.recursive;
  to.stubs = from.stubs;
  to.trustAnchors = from.trustAnchors;
  to.hosts = from.hosts;
  if (from.useEtcHosts) to.hostsFile = "/etc/hosts";
  to.serveExpired = from.serveExpired;
  return to;
}

}  // namespace

Result<std::shared_ptr<const Settings>> makeSettings(Loop& loop, const config::Config& config) {
  auto settings = std::make_shared<Settings>();
  settings->hostName = config.hostName;
  if (!config.outbound.heloName.empty()) settings->ownNames.push_back(config.outbound.heloName);
  for (const config::VirtualServer& server : config.virtualServers) {
    if (!server.hostName.empty()) settings->ownNames.push_back(server.hostName);
  }
  settings->mxPort = config.outbound.port;
  settings->concurrency = config.outbound.concurrency * schedule::Scheduler::kSlowCount;  // the spool counts them; see there
  settings->messagesPerConnection = config.outbound.messagesPerConnection;
  settings->connectTimeout = config.outbound.connectTimeout;
  settings->sourceV4 = config.outbound.sourceV4;
  settings->sourceV6 = config.outbound.sourceV6;
  auto resolver = dns::UnboundResolver::create(loop, dnsOptions(config.dns), std::make_shared<dns::AnswerCache>());
  if (!resolver) return fail(resolver.error());
  settings->resolver = std::move(*resolver);
  auto tls = net::TlsClientContext::load(config.outbound.caFile, config.outbound.certificate);
  if (!tls) return fail(tls.error());
  settings->tls = std::move(*tls);
  auto introspection = makeIntrospection(config.oauth);
  if (!introspection) return fail(introspection.error());
  settings->introspection = std::move(*introspection);
  return std::shared_ptr<const Settings>(std::move(settings));
}

}  // namespace ostler::out
