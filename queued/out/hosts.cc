#include "queued/out/hosts.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "libmailcore/base/ascii.h"
#include "libmailcore/base/random.h"
#include "libmailcore/config/names.h"
#include "libmailcore/dns/mx.h"
#include "libmailcore/dns/name.h"

namespace ostler::out {
namespace {

using Verdict = dns::MailHosts::Verdict;

smtp::Reply refuse(int code, const char* enhanced, const std::string& text) { return {code, enhanced, text}; }

// "[192.0.2.1]", "[IPv6:2001:db8::1]": RFC 5321 4.1.3.
std::optional<net::IpAddress> literalAddress(std::string_view name) {
  if (!name.starts_with('[') || !name.ends_with(']')) return std::nullopt;
  name = name.substr(1, name.size() - 2);
  if (startsWithIgnoreCase(name, "IPv6:")) name.remove_prefix(5);
  const Result<net::IpAddress> address = net::IpAddress::parse(name);
  return address ? std::optional(*address) : std::nullopt;
}

// A smarthost found by its MX may listen elsewhere than MX hosts do.
std::uint16_t portOf(const Settings& settings, const ipc::NextHop& hop) {
  const bool isStandard = hop.kind == ipc::NextHop::Kind::mx && hop.port == 25;
  return isStandard ? settings.mxPort : hop.port;
}

// A next hop that needs no MX.
std::optional<Host> directHost(const Settings& settings, const ipc::NextHop& hop) {
  Host host;
  host.port = portOf(settings, hop);
  host.authenticated = true;  // the configuration names it
  host.name = hop.name;
  if (hop.name.starts_with('/')) {
    host.endpoint = net::Endpoint{{}, 0, hop.name};
    return host;
  }
  if (const auto address = literalAddress(hop.name)) {
    host.endpoint = net::Endpoint{*address, host.port, ""};
    host.name = address->text();
    return host;
  }
  if (hop.kind == ipc::NextHop::Kind::mx) return std::nullopt;
  if (hop.name.starts_with('[') && hop.name.ends_with(']')) host.name = hop.name.substr(1, hop.name.size() - 2);
  return host;
}

smtp::Reply replyFor(const dns::MailHosts& found, const std::string& domain) {
  switch (found.verdict) {
    case Verdict::nullMx:
      return refuse(556, "5.1.10", "domain " + domain + " takes no mail (null MX)");  // RFC 7504, RFC 7505 4.2
    case Verdict::noDomain:
      return refuse(550, "5.1.2", "domain " + domain + " does not exist");
    case Verdict::noHost:
      return refuse(550, "5.4.4", "domain " + domain + " has neither MX nor address");
    case Verdict::bogus:
      return refuse(451, "4.7.0", "DNS answers for " + domain + " fail DNSSEC validation: " + found.why);
    case Verdict::hosts:
    case Verdict::tryLater:
      break;
  }
  return refuse(451, "4.4.3", "DNS gives no answer about " + domain + (found.why.empty() ? "" : ": " + found.why));
}

}  // namespace

namespace {

Task<Hosts> findOwnHosts(std::shared_ptr<const Settings> settings, ipc::NextHop hop);

Hosts fallbackHosts(const ipc::NextHop& hop) {
  Hosts out;
  for (const std::string& text : hop.fallbacks) {
    std::optional<Host> host = parseRelay(text);
    if (!host) continue;
    host->preference = std::numeric_limits<unsigned>::max();
    host->isFallback = true;
    out.hosts.push_back(std::move(*host));
  }
  return out;
}

}  // namespace

std::optional<Host> parseRelay(std::string_view text) {
  Host host;
  host.authenticated = true;  // the configuration names it
  const std::optional<config::HostAndPort> at = config::parseHost(text);
  if (!at) return std::nullopt;
  if (at->port) host.port = *at->port;
  text = at->written;
  const Result<net::IpAddress> bare = net::IpAddress::parse(text);
  if (const auto address = bare ? std::optional(*bare) : literalAddress(text)) {
    host.endpoint = net::Endpoint{*address, host.port, ""};
    host.name = address->text();
    return host;
  }
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  if (text.empty() || text.find_first_of("[]: ") != std::string_view::npos) return std::nullopt;
  host.name = text;
  return host;
}

Task<Hosts> findHosts(std::shared_ptr<const Settings> settings, ipc::NextHop hop) {
  Hosts out = co_await findOwnHosts(settings, hop);
  // What is certain stays certain; what could not be found out just now another relay may know.
  if (out.hosts.empty() && out.refusal.isPermanent()) co_return out;
  Hosts relays = fallbackHosts(hop);
  for (Host& relay : relays.hosts) out.hosts.push_back(std::move(relay));
  co_return out;
}

namespace {

Task<Hosts> findOwnHosts(std::shared_ptr<const Settings> settings, ipc::NextHop hop) {
  Hosts out;
  if (std::optional<Host> direct = directHost(*settings, hop)) {
    out.hosts.push_back(std::move(*direct));
    co_return out;
  }
  const Result<std::string> domain = dns::toAscii(hop.name);
  if (!domain) {
    out.refusal = refuse(550, "5.1.2", "not a domain: " + printable(hop.name));
    co_return out;
  }
  const Result<dns::MailHosts> found =
      co_await dns::findMailHosts(*settings->resolver, *domain, &randomBelow, Deadline::after(settings->dnsTimeout));
  if (!found) {
    out.refusal = refuse(451, "4.4.3", found.error().detail);
    co_return out;
  }
  if (found->verdict != Verdict::hosts) {
    out.refusal = replyFor(*found, *domain);
    co_return out;
  }
  const auto isSelf = [&](const std::string& name) {
    return equalsIgnoreCase(name, settings->hostName) ||
           std::any_of(settings->ownNames.begin(), settings->ownNames.end(),
                       [&](const std::string& own) { return equalsIgnoreCase(name, own); });
  };
  for (const dns::Mx& mx : dns::withoutSelf(found->hosts, isSelf)) {
    out.hosts.push_back({mx.exchange, portOf(*settings, hop), std::nullopt, mx.preference, found->authenticated});
  }
  if (out.hosts.empty()) out.refusal = refuse(554, "5.4.6", "mail for " + *domain + " loops back to this host");
  co_return out;
}

void applyVerdict(Approach& to, dns::DaneVerdict verdict, const dns::Answer& tlsa, const std::string& host) {
  switch (verdict) {
    case dns::DaneVerdict::none:
      if (to.tls.verify != net::TlsVerify::dane) return;
      to.endpoints.clear();
      to.refusal = refuse(451, "4.7.5", "DANE is required, and " + host + " has no secure TLSA record");
      return;
    case dns::DaneVerdict::dane:
      if (to.tls.verify == net::TlsVerify::pkix) return;  // the configuration asks for more than a key
      to.tls.required = true;
      to.tls.verify = net::TlsVerify::dane;
      to.tls.tlsa = dns::usableTlsa(tlsa.tlsa);
      return;
    case dns::DaneVerdict::encrypt:
      to.tls.required = true;
      return;
    case dns::DaneVerdict::tryLater:
      to.withheld = std::exchange(to.endpoints, {});
      to.refusal = refuse(451, "4.7.5", "TLSA records of " + host + " cannot be validated: " + tlsa.why);
      return;
  }
}

}  // namespace

Task<Approach> approach(std::shared_ptr<const Settings> settings, ipc::NextHop hop, Host host) {
  Approach out;
  out.tls.verify = static_cast<net::TlsVerify>(hop.tlsVerify);
  out.tls.required = hop.tlsRequired || out.tls.verify != net::TlsVerify::none;
  out.tls.serverName = host.name;
  if (host.endpoint) {
    out.endpoints = {*host.endpoint};
    co_return out;
  }
  if (hop.kind == ipc::NextHop::Kind::mx) out.tls.alsoMatch = {asciiLower(hop.name)};
  const Deadline deadline = Deadline::after(settings->dnsTimeout);
  const Result<dns::HostAddresses> found = co_await dns::findAddresses(*settings->resolver, host.name, deadline);
  if (!found || found->addresses.empty()) {
    const bool absent = found && (found->status == dns::Status::nxdomain || found->status == dns::Status::nodata);
    out.refusal = absent ? refuse(550, "5.4.4", "mail host " + host.name + " has no address")
                         : refuse(451, "4.4.3", "DNS gives no address of " + host.name);
    co_return out;
  }
  for (const net::IpAddress& address : found->addresses) out.endpoints.push_back({address, host.port, ""});

  // RFC 7672 2.2.2: the name behind CNAMEs first, then the one that MX or configuration gave.
  const bool authenticated = host.authenticated && found->authenticated;
  dns::Answer tlsa;
  tlsa.status = dns::Status::nodata;
  if (authenticated) {
    for (const std::string& base : {found->canonicalName, host.name}) {
      const Result<dns::Answer> answer = co_await settings->resolver->lookup(dns::tlsaName(base, host.port), dns::Type::tlsa, deadline);
      tlsa = answer.value_or(dns::Answer{.why = "no answer in time"});
      out.tls.serverName = base;
      if (tlsa.status != dns::Status::nodata && tlsa.status != dns::Status::nxdomain && tlsa.status != dns::Status::insecure) break;
    }
    if (tlsa.status != dns::Status::secure) out.tls.serverName = host.name;
    if (out.tls.serverName != host.name) out.tls.alsoMatch.push_back(host.name);
  }
  applyVerdict(out, dns::daneVerdict(authenticated, tlsa), tlsa, host.name);
  co_return out;
}

}  // namespace ostler::out
