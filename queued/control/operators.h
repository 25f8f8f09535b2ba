// operators.h - who may administer what: root and the suite's own user everything; operators of virtual servers the mail that came in
// by those; who belongs to the socket's group may look. Names become numbers when the configuration is read.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libmailcore/config/config.h"
#include "libmailcore/ipc/socket.h"

namespace ostler::control {

/// What somebody may do.
struct Scope {
  bool mayLook = false;    ///< at everything
  bool mayChange = false;  ///< everything
  std::vector<std::string> servers;  ///< of these virtual servers both
  [[nodiscard]] bool isNobody() const { return !mayLook && !mayChange && servers.empty(); }
};

class Operators {
 public:
  /// Names nobody has are left out, and returned.
  std::vector<std::string> use(const config::Config& config);
  /// With an operator anywhere the socket is open to every local user, and who is there decides.
  [[nodiscard]] bool any() const { return !servers_.empty(); }
  /// `socketGroup`: of the control socket.
  [[nodiscard]] Scope scopeOf(const ipc::PeerCredentials& peer, std::optional<gid_t> socketGroup) const;

 private:
  struct Of {
    std::set<uid_t> users;
    std::set<gid_t> groups;
  };
  std::map<std::string, Of> servers_;
};

}  // namespace ostler::control
