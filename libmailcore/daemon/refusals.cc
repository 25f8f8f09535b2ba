#include "libmailcore/daemon/refusals.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "libmailcore/daemon/file_rights.h"
#include "libmailcore/net/listener.h"
#include "libmailcore/net/tls.h"

namespace ostler::daemon {
namespace {

/// Who listens where.
std::map<net::Endpoint, std::string> listenersOf(const config::Config& config) {
  std::map<net::Endpoint, std::string> all;
  const auto add = [&all](const char* process, const std::vector<config::Listener>& listeners) {
    for (const config::Listener& one : listeners) all.emplace(one.address, process);
  };
  for (const config::VirtualServer& server : config.virtualServers) add("smtpd", server.listeners);
  add("pop3d", config.pop3.listeners);
  add("imapd", config.imap.listeners);
  return all;
}

class Refusals {
 public:
  std::vector<std::string> of(const config::Config& taken, const config::Config& next) {
    certificates(next);
    listeners(listenersOf(taken), listenersOf(next));
    return std::move(said_);
  }

 private:
  void certificates(const config::Config& next) {
    server(next.certificates, next.clientCa);
    for (const config::VirtualServer& one : next.virtualServers) server(one.certificates, next.clientCa);
    const bool hasOwn = !next.outbound.caFile.empty() || !next.outbound.certificate.certificate.empty();  // the system's roots alone are good
    const auto out = hasOwn ? net::TlsClientContext::load(next.outbound.caFile, next.outbound.certificate) : Result<std::shared_ptr<const net::TlsClientContext>>();
    if (!out) said_.push_back(out.error().detail);
    for (const std::string& authorities : {next.oauth.introspectionCa, next.log.syslogCa}) {
      if (authorities.empty()) continue;
      if (const auto client = net::TlsClientContext::load(authorities); !client) said_.push_back(client.error().detail);
    }
  }
  void server(const std::vector<net::CertificateFiles>& pairs, const std::string& clientCa) {
    if (pairs.empty()) return;
    if (const auto loaded = net::TlsServerContext::load(pairs, clientCa); !loaded) said_.push_back(loaded.error().detail);
  }

  void listeners(const std::map<net::Endpoint, std::string>& before, const std::map<net::Endpoint, std::string>& after) {
    for (const auto& [at, process] : after) {
      const auto there = before.find(at);
      if (there != before.end() && there->second != process)
        said_.push_back("the listener " + at.text() + " goes from " + there->second + " to " + process + ", which needs a restart, or two reloads: without it, then with it");
      if (there != before.end() || !at.unixPath.empty()) continue;
      if (const auto bound = net::listenOn(at); !bound) said_.push_back(bound.error().detail);
    }
  }

  std::vector<std::string> said_;
};

}  // namespace

std::vector<std::string> refusals(const config::Config& taken, const config::Config& next) { return Refusals().of(taken, next); }

bool standsAlone(const config::Config& config, const std::string& configFile) {
  FileRights rights;
  addReread(rights, config, configFile);
  const std::string folder = std::filesystem::weakly_canonical(std::filesystem::absolute(configFile).parent_path()).string();
  return std::ranges::find(rights.read, folder) == rights.read.end();
}

}  // namespace ostler::daemon
