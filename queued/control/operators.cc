#include "queued/control/operators.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>

namespace ostler::control {

std::vector<std::string> Operators::use(const config::Config& config) {
  std::vector<std::string> unknown;
  servers_.clear();
  for (const config::VirtualServer& server : config.virtualServers) {
    if (server.operators.empty()) continue;
    Of& of = servers_[server.name];
    for (const std::string& name : server.operators) {
      const passwd* const user = name.starts_with('@') ? nullptr : ::getpwnam(name.c_str());
      const group* const group = name.starts_with('@') ? ::getgrnam(name.c_str() + 1) : nullptr;
      if (user != nullptr) of.users.insert(user->pw_uid);
      if (group != nullptr) of.groups.insert(group->gr_gid);
      if (user == nullptr && group == nullptr) unknown.push_back(name);
    }
  }
  return unknown;
}

Scope Operators::scopeOf(const ipc::PeerCredentials& peer, std::optional<gid_t> socketGroup) const {
  const auto isIn = [&peer](gid_t group) {
    return peer.gid == group || std::find(peer.groups.begin(), peer.groups.end(), group) != peer.groups.end();
  };
  Scope scope;
  scope.mayChange = peer.uid == 0 || peer.uid == ::geteuid();
  // Without operators the socket's own mode has let in whom it should.
  scope.mayLook = scope.mayChange || !any() || (socketGroup && isIn(*socketGroup));
  for (const auto& [name, of] : servers_) {
    if (of.users.contains(peer.uid) || std::any_of(of.groups.begin(), of.groups.end(), isIn)) scope.servers.push_back(name);
  }
  return scope;
}

}  // namespace ostler::control
