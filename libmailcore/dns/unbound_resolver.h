// unbound_resolver.h - the Resolver on libunbound, whose sockets and timers live on our event loop.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "libmailcore/dns/answer_cache.h"
#include "libmailcore/dns/hosts.h"
#include "libmailcore/dns/resolver.h"

struct ub_ctx;

namespace ostler::dns {

struct UnboundOptions {
  std::vector<net::Endpoint> servers;  ///< empty: those of /etc/resolv.conf, unless `recursive`
  bool recursive = false;              ///< ask the root and below
  std::map<std::string, std::vector<net::Endpoint>> stubs;  ///< zone → its authoritative servers
  std::vector<std::string> trustAnchors;                    ///< DS or DNSKEY records; none: nothing is ever secure or bogus
  std::string rootKeyFile = "/usr/share/dns/root.key";      ///< used with `recursive` when it is there
  std::map<std::string, std::vector<net::IpAddress>> hosts; ///< win over the DNS
  std::string hostsFile;                                    ///< "/etc/hosts", or empty: none. Read once
  bool serveExpired = false;
};

/// One per loop; the cache may be shared by all. Answers come on the loop; a lookup whose frame is destroyed is cancelled.
class UnboundResolver final : public Resolver {
 public:
  /// Errors: permanent (a setting libunbound refuses, named).
  [[nodiscard]] static Result<std::unique_ptr<UnboundResolver>> create(Loop& loop, const UnboundOptions& options,
                                                                       std::shared_ptr<AnswerCache> cache);
  ~UnboundResolver() override;

  Task<Result<Answer>> lookup(std::string name, Type type, Deadline deadline) override;

 private:
  struct FreeContext {
    void operator()(ub_ctx* context) const;
  };
  using Context = std::unique_ptr<ub_ctx, FreeContext>;
  struct Query;
  UnboundResolver(Loop& loop, Context context, Hosts hosts, std::shared_ptr<AnswerCache> cache, bool serveExpired);
  [[nodiscard]] static Result<void> configure(ub_ctx* context, const UnboundOptions& options);
  [[nodiscard]] static Answer answerOf(const Query& query);

  Loop& loop_;
  Hosts hosts_;
  std::shared_ptr<AnswerCache> cache_;
  bool serveExpired_;
  Context context_;
};

}  // namespace ostler::dns
