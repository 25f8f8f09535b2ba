#include "libmailcore/daemon/listener_set.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "libmailcore/net/listener.h"

namespace ostler::daemon {
namespace {

constexpr unsigned kUnixMode = 0666;  // who may connect is a matter of the folder

Result<std::vector<UniqueFd>> copies(int of, unsigned count) {
  std::vector<UniqueFd> sockets;
  for (unsigned n = 0; n < count; ++n) {
    sockets.emplace_back(::fcntl(of, F_DUPFD_CLOEXEC, 0));
    if (!sockets.back()) return fail(Error::Kind::temporary, std::string("dup: ") + std::strerror(errno));
  }
  return sockets;
}

}  // namespace

/// Where systemd holds the sockets a process may make none of its own. That there is not one means that its .socket unit has failed, as it
/// does while a process that ends, or another program, has a port of it: it is started with us when we are started again.
Error ListenerSet::whyNone(const Error& error, const net::Endpoint& at) const {
  if (error.kind != Error::Kind::notFound || std::getenv("NOTIFY_SOCKET") == nullptr) return error;
  if (inherited_.empty()) return {Error::Kind::temporary, "systemd holds no socket for " + at.text() + ": the unit's .socket has failed; does another program have the port?"};
  return {Error::Kind::permanent, "systemd holds no socket for " + at.text() + ": its .socket unit does not name that address; it needs a drop-in"};
}

ListenerSet::ListenerSet() {
  for (auto& [at, socket] : net::inheritedListeners()) inherited_.emplace(at, std::move(socket));
}

Result<std::vector<std::vector<BoundListener>>> ListenerSet::change(const std::vector<ListenerPlan>& plans,
                                                                    unsigned workers) {
  std::vector<std::vector<BoundListener>> shares(workers);
  std::set<net::Endpoint> next;
  for (const ListenerPlan& plan : plans) {
    const auto shared = std::make_shared<const ListenerPlan>(plan);
    const net::Endpoint& at = plan.listener.address;
    if (!next.insert(at).second) continue;
    std::vector<UniqueFd> sockets(workers);
    if (!bound_.contains(at)) {
      auto fresh = bind(at, workers);
      if (!fresh) return fail(fresh.error());
      sockets = std::move(*fresh);
    }
    for (unsigned n = 0; n < workers; ++n) shares[n].push_back({shared, std::move(sockets[n])});
  }
  bound_ = std::move(next);
  return shares;
}

Result<std::vector<UniqueFd>> ListenerSet::bind(const net::Endpoint& at, unsigned workers) const {
  const auto given = inherited_.find(at);
  if (given != inherited_.end()) return copies(given->second.get(), workers);
  if (!at.unixPath.empty()) {
    const auto one = net::listenOn(at, kUnixMode);
    if (!one) return fail(one.error());
    return copies(one->get(), workers);
  }
  std::vector<UniqueFd> sockets;
  for (unsigned n = 0; n < workers; ++n) {
    auto one = net::listenOn(at, 0, n == 0 ? net::Sharing::first : net::Sharing::further);
    if (!one) return fail(whyNone(one.error(), at));
    sockets.push_back(std::move(*one));
  }
  return sockets;
}

}  // namespace ostler::daemon
