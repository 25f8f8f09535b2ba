#include "libmailcore/dns/mx.h"

#include <algorithm>
#include <limits>

namespace ostler::dns {
namespace {

// The verdict of an MX answer; nothing: there is no MX, so ask for addresses.
std::optional<MailHosts> fromMx(Answer& answer, const Random& random) {
  MailHosts out;
  out.authenticated = answer.authenticated;
  out.why = answer.why;
  switch (answer.status) {
    case Status::bogus:
      out.verdict = MailHosts::Verdict::bogus;
      return out;
    case Status::tempfail:
      return out;
    case Status::nxdomain:
      out.verdict = MailHosts::Verdict::noDomain;
      return out;
    case Status::nodata:
      return std::nullopt;
    case Status::secure:
    case Status::insecure:
      break;
  }
  // RFC 7505 3: a null MX stands alone; beside others it means nothing.
  std::erase_if(answer.mx, [](const Mx& mx) { return mx.exchange.empty(); });
  out.verdict = answer.mx.empty() ? MailHosts::Verdict::nullMx : MailHosts::Verdict::hosts;
  out.hosts = inOrder(std::move(answer.mx), random);
  return out;
}

MailHosts fromAddresses(const HostAddresses& found, const std::string& domain) {
  MailHosts out;
  out.authenticated = found.authenticated;
  out.why = found.why;
  if (!found.addresses.empty()) {
    out.verdict = MailHosts::Verdict::hosts;
    out.hosts = {Mx{0, domain}};  // the implicit MX
  } else if (found.status == Status::bogus) {
    out.verdict = MailHosts::Verdict::bogus;
  } else if (found.status != Status::tempfail) {
    out.verdict = MailHosts::Verdict::noHost;
  }
  return out;
}

}  // namespace

std::vector<Mx> inOrder(std::vector<Mx> hosts, const Random& random) {
  for (std::size_t i = hosts.size(); i > 1; --i) std::swap(hosts[i - 1], hosts[random(i)]);
  std::sort(hosts.begin(), hosts.end(), [](const Mx& a, const Mx& b) { return a.preference < b.preference; });
  return hosts;
}

std::vector<Mx> withoutSelf(std::vector<Mx> hosts, const std::function<bool(const std::string& name)>& isSelf) {
  unsigned own = std::numeric_limits<unsigned>::max();
  for (const Mx& host : hosts) {
    if (isSelf(host.exchange)) own = std::min<unsigned>(own, host.preference);
  }
  std::erase_if(hosts, [&](const Mx& host) { return host.preference >= own; });
  return hosts;
}

Task<Result<MailHosts>> findMailHosts(Resolver& resolver, std::string domain, Random random, Deadline deadline) {
  Result<Answer> answer = co_await resolver.lookup(domain, Type::mx, deadline);
  if (!answer) co_return fail(answer.error());
  if (std::optional<MailHosts> hosts = fromMx(*answer, random)) co_return std::move(*hosts);
  const Result<HostAddresses> addresses = co_await findAddresses(resolver, domain, deadline);
  if (!addresses) co_return fail(addresses.error());
  co_return fromAddresses(*addresses, domain);
}

Task<Result<HostAddresses>> findAddresses(Resolver& resolver, std::string host, Deadline deadline) {
  const Result<Answer> six = co_await resolver.lookup(host, Type::aaaa, deadline);
  if (!six) co_return fail(six.error());
  const Result<Answer> four = co_await resolver.lookup(host, Type::a, deadline);
  if (!four) co_return fail(four.error());
  HostAddresses out;
  out.authenticated = six->authenticated && four->authenticated;
  out.canonicalName = four->found() ? four->canonicalName : six->canonicalName;
  for (std::size_t i = 0; i < std::max(six->addresses.size(), four->addresses.size()); ++i) {
    if (i < six->addresses.size()) out.addresses.push_back(six->addresses[i]);
    if (i < four->addresses.size()) out.addresses.push_back(four->addresses[i]);
  }
  // Without addresses the worse of the two says why: try later before no such name.
  out.status = std::max(six->status, four->status);
  if (!out.addresses.empty()) out.status = out.authenticated ? Status::secure : Status::insecure;
  out.why = six->status > four->status ? six->why : four->why;
  co_return out;
}

}  // namespace ostler::dns
