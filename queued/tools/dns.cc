// dns.cc - ostler dns lookup NAME TYPE: what the suite's own resolver says, with DNSSEC status and what is left of the
// TTL.
#include <sysexits.h>

#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "libmailcore/async/loop.h"
#include "libmailcore/base/ascii.h"
#include "libmailcore/dns/unbound_resolver.h"
#include "queued/tools/common.h"
#include "queued/tools/dns_options.h"

namespace ostler::tools {
namespace {

struct TypeName {
  std::string_view name;
  dns::Type type;
};
constexpr std::array kTypes = {TypeName{"A", dns::Type::a},      TypeName{"AAAA", dns::Type::aaaa},
                               TypeName{"MX", dns::Type::mx},    TypeName{"TXT", dns::Type::txt},
                               TypeName{"PTR", dns::Type::ptr},  TypeName{"CNAME", dns::Type::cname},
                               TypeName{"TLSA", dns::Type::tlsa}};

std::string_view statusText(dns::Status status) {
  constexpr std::array<std::string_view, 6> kWords = {"secure", "insecure", "nodata", "nxdomain", "bogus", "tempfail"};
  return kWords[static_cast<std::size_t>(status)];
}

std::vector<std::string> recordsOf(const dns::Answer& answer) {
  std::vector<std::string> records;
  for (const net::IpAddress& address : answer.addresses) records.push_back(address.text());
  for (const dns::Mx& mx : answer.mx)
    records.push_back(fmt::format("{} {}", mx.preference, mx.exchange.empty() ? "." : mx.exchange));
  for (const std::string& text : answer.texts) records.push_back(text);
  for (const std::string& name : answer.names) records.push_back(name);
  for (const net::TlsaRecord& tlsa : answer.tlsa) {
    records.push_back(fmt::format("{} {} {} {}", tlsa.usage, tlsa.selector, tlsa.matching, toHex(tlsa.data)));
  }
  return records;
}

/// Mail exchangers that are names of names: other servers may not find them. RFC 5321 5.1, RFC 2181 10.3.
Task<std::vector<std::string>> aliasesAmong(dns::Resolver& resolver, std::vector<dns::Mx> exchangers, Deadline deadline) {
  std::vector<std::string> warnings;
  for (const dns::Mx& mx : exchangers) {
    if (mx.exchange.empty() || mx.exchange == ".") continue;
    const Result<dns::Answer> alias = co_await resolver.lookup(mx.exchange, dns::Type::cname, deadline);
    if (!alias || !alias->found() || alias->names.empty()) continue;
    warnings.push_back(fmt::format("the mail exchanger {} is an alias (CNAME) of {}: it must have addresses of its own (RFC 2181 10.3)", mx.exchange,
                                   alias->names.front()));
  }
  co_return warnings;
}

void print(const dns::Answer& answer, const std::vector<std::string>& warnings, const CommonOptions& options) {
  const std::vector<std::string> records = recordsOf(answer);
  if (options.json) {
    fmt::print("{}\n", nlohmann::json{{"status", statusText(answer.status)},
                                      {"ttl", answer.ttl.count()},
                                      {"name", answer.canonicalName},
                                      {"records", records},
                                      {"why", answer.why},
                                      {"warnings", warnings}}
                           .dump());
    return;
  }
  fmt::print("{} ttl={} name={}{}{}\n", statusText(answer.status), answer.ttl.count(), answer.canonicalName,
             answer.why.empty() ? "" : " ", answer.why);
  for (const std::string& record : records) fmt::print("  {}\n", printable(record, 4096));
  for (const std::string& warning : warnings) fmt::print("warning: {}\n", printable(warning, 4096));
}

}  // namespace

dns::UnboundOptions dnsOptions(const config::DnsSettings& settings) {
  dns::UnboundOptions options;
  options.servers = settings.servers;
  options.recursive = settings.recursive;
  options.stubs = settings.stubs;
  options.trustAnchors = settings.trustAnchors;
  options.hosts = settings.hosts;
  options.hostsFile = settings.useEtcHosts ? "/etc/hosts" : "";
  options.serveExpired = settings.serveExpired;
  return options;
}

int dns(const Call& call) {
  CommonOptions options;
  std::string name;
  std::string type = "MX";
  int timeout = 20;
  CLI::App app(
      "Asks the DNS as the suite does. Exit status 0 with records, 68 without, 75 when it should be tried later.");
  CLI::App* lookup = app.add_subcommand("lookup", "ask for one name");
  app.require_subcommand(1);
  lookup->fallthrough();  // -c and --json may stand behind the verb
  addConfigOption(app, options);
  addJsonOption(app, options);
  lookup->add_option("name", name, "a domain, a host, or a name below in-addr.arpa")->required();
  lookup->add_option("type", type, "A AAAA MX TXT PTR CNAME TLSA")->capture_default_str();
  lookup->add_option("--timeout", timeout, "seconds")->check(CLI::Range(1, 300));
  if (const auto status = parse(app, call)) return *status;

  const TypeName* wanted = nullptr;
  for (const TypeName& known : kTypes) {
    if (equalsIgnoreCase(known.name, type)) wanted = &known;
  }
  if (wanted == nullptr) {
    fmt::print(stderr, "{}: the types are A AAAA MX TXT PTR CNAME TLSA, not '{}'\n", call.name, type);
    return EX_USAGE;
  }
  const auto config = loadConfig(options);
  if (!config) return EX_CONFIG;
  Loop loop;
  const auto resolver =
      dns::UnboundResolver::create(loop, dnsOptions(config->dns), std::make_shared<dns::AnswerCache>());
  if (!resolver) {
    fmt::print(stderr, "{}: {}\n", call.name, resolver.error().detail);
    return EX_CONFIG;
  }
  const Deadline deadline = Deadline::after(std::chrono::seconds(timeout));
  const auto answer = loop.runUntilDone((*resolver)->lookup(name, wanted->type, deadline));
  if (!answer) {
    fmt::print(stderr, "{}: {}\n", call.name, answer.error().detail);
    return answer.error().kind == Error::Kind::syntax ? EX_USAGE : EX_TEMPFAIL;
  }
  const auto warnings = loop.runUntilDone(aliasesAmong(**resolver, answer->mx, deadline));
  print(*answer, warnings, options);
  if (answer->found()) return EX_OK;
  return answer->absent() ? EX_NOHOST : EX_TEMPFAIL;
}

}  // namespace ostler::tools
