#include "libmailcore/dns/unbound_resolver.h"

#include <sys/types.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "libmailcore/dns/name.h"
#include "libmailcore/dns/packet.h"

namespace ostler::dns {
namespace {

// libunbound answers these itself, but who names servers, here or in resolv.conf, means what they say. RFC 6761 6.2, RFC 8375 4.
constexpr std::array kOwnZones{"test.", "home.arpa.", "127.in-addr.arpa."};

std::string serverText(const net::Endpoint& server) { return server.address.text() + "@" + std::to_string(server.port); }

// Runs libunbound's settings in order and keeps the first refusal.
class Settings {
 public:
  explicit Settings(ub_ctx* context) : context_(context) {}
  void option(const char* name, const char* value) { note(ub_ctx_set_option(context_, name, value), std::string(name) + " " + value); }
  void note(int code, const std::string& what) {
    if (code != 0 && !refused_) refused_ = Error{Error::Kind::permanent, "DNS setting " + what + ": " + ub_strerror(code)};
  }
  [[nodiscard]] Result<void> outcome() const {
    if (refused_) return fail(*refused_);
    return {};
  }

 private:
  ub_ctx* context_;
  std::optional<Error> refused_;
};

std::string contentOf(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

void UnboundResolver::FreeContext::operator()(ub_ctx* context) const { ub_ctx_delete(context); }

// A question on its way. It lives in the frame that asks; libunbound is told when it goes.
struct UnboundResolver::Query {
  Query(Loop& loop, ub_ctx* in, Type of) : context(in), type(of), done(loop) {}
  ~Query() {
    if (pending) ub_cancel(context, id);
  }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  static void answered(void* self, int rcode, void* packet, int length, int security, char* why, int) {
    auto& query = *static_cast<Query*>(self);
    query.pending = false;
    query.rcode = rcode;
    query.security = security;
    if (packet && length > 0) query.packet.assign(static_cast<const char*>(packet), static_cast<std::size_t>(length));
    if (why) query.why = why;
    query.done.set();
  }

  ub_ctx* context;
  Type type;
  Signal done;
  int id = 0;
  bool pending = true;
  int rcode = 0;
  int security = 0;
  std::string packet;
  std::string why;
};

UnboundResolver::UnboundResolver(Loop& loop, Context context, Hosts hosts, std::shared_ptr<AnswerCache> cache, bool serveExpired)
    : loop_(loop), hosts_(std::move(hosts)), cache_(std::move(cache)), serveExpired_(serveExpired), context_(std::move(context)) {}

UnboundResolver::~UnboundResolver() = default;

// The order is libunbound's: zone_remove finalises the context, so it comes last; a setting after it is refused.
Result<void> UnboundResolver::configure(ub_ctx* context, const UnboundOptions& options) {
  Settings settings(context);
  ub_ctx_debugout(context, nullptr);  // or it writes to standard error past our log
  const bool rootAnchor = options.recursive && ::access(options.rootKeyFile.c_str(), R_OK) == 0;
  const bool validates = rootAnchor || !options.trustAnchors.empty();
  settings.option("do-not-query-localhost:", "no");
  settings.option("module-config:", validates ? "validator iterator" : "iterator");
  settings.option("infra-keep-probing:", "yes");  // or a server that was down for a moment is not asked for 15 minutes
  const bool asksOthers = !options.recursive || !options.servers.empty() || !options.stubs.empty();
  if (asksOthers) settings.option("unblock-lan-zones:", "yes");
  for (const net::Endpoint& server : options.servers) {
    settings.note(ub_ctx_set_fwd(context, serverText(server).c_str()), "server " + server.text());
  }
  if (options.servers.empty() && !options.recursive) {
    // Without the file, as without servers in it: this machine's own (resolv.conf(5)). Or libunbound would ask the root itself.
    if (ub_ctx_resolvconf(context, nullptr) != 0) settings.note(ub_ctx_set_fwd(context, "127.0.0.1"), "server 127.0.0.1");
  }
  for (const auto& [zone, servers] : options.stubs) {
    for (const net::Endpoint& server : servers) {
      settings.note(ub_ctx_set_stub(context, zone.c_str(), serverText(server).c_str(), 0), "stub " + zone);
    }
  }
  for (const std::string& anchor : options.trustAnchors) settings.note(ub_ctx_add_ta(context, anchor.c_str()), anchor);
  if (rootAnchor) settings.note(ub_ctx_add_ta_file(context, options.rootKeyFile.c_str()), options.rootKeyFile);
  if (Result<void> so = settings.outcome(); !so) return so;
  if (asksOthers) {
    for (const char* const zone : kOwnZones) settings.note(ub_ctx_zone_remove(context, zone), zone);
  }
  return settings.outcome();
}

Result<std::unique_ptr<UnboundResolver>> UnboundResolver::create(Loop& loop, const UnboundOptions& options,
                                                                 std::shared_ptr<AnswerCache> cache) {
  Context context(ub_ctx_create_event(loop.base()));
  if (!context) return fail(Error::Kind::permanent, "libunbound: no context");
  if (const Result<void> configured = configure(context.get(), options); !configured) return fail(configured.error());
  Hosts hosts;
  for (const auto& [name, addresses] : options.hosts) {
    const Result<std::string> canonical = canonicalForm(name);
    if (!canonical) return fail(canonical.error());
    hosts.addConfigured(*canonical, addresses);
  }
  if (!options.hostsFile.empty()) hosts.addHostsFile(contentOf(options.hostsFile));
  return std::unique_ptr<UnboundResolver>(
      new UnboundResolver(loop, std::move(context), std::move(hosts), std::move(cache), options.serveExpired));
}

Answer UnboundResolver::answerOf(const Query& query) {
  Answer failed;
  failed.why = query.why;
  if (query.security == 1) {
    failed.status = Status::bogus;
    return failed;
  }
  if (query.rcode != 0 || query.packet.empty()) {
    failed.why = "RCODE " + std::to_string(query.rcode);
    return failed;
  }
  Result<Answer> answer = parsePacket(query.packet, query.type);
  if (!answer) {
    failed.why = answer.error().detail;
    return failed;
  }
  answer->authenticated = query.security == 2;
  if (answer->authenticated && answer->status == Status::insecure) answer->status = Status::secure;
  return std::move(*answer);
}

Task<Result<Answer>> UnboundResolver::lookup(std::string name, Type type, Deadline deadline) {
  const Result<std::string> canonical = canonicalForm(name);
  if (!canonical) co_return fail(canonical.error());
  if (std::optional<Answer> known = hosts_.lookup(*canonical, type)) co_return std::move(*known);
  if (std::optional<Answer> known = cache_->find(*canonical, type, std::chrono::steady_clock::now())) {
    co_return std::move(*known);
  }
  Query query(loop_, context_.get(), type);
  const int code = ub_resolve_event(context_.get(), (*canonical + ".").c_str(), static_cast<int>(type), 1, &query,
                                    &Query::answered, &query.id);
  if (code != 0) query.pending = false;
  Result<void> woken;
  if (code == 0) woken = co_await query.done.wait(deadline);
  Answer answer = code == 0 && woken ? answerOf(query) : Answer{.why = "no answer in time"};
  const SteadyTime now = std::chrono::steady_clock::now();
  if (answer.status == Status::tempfail && serveExpired_) {
    if (std::optional<Answer> old = cache_->findExpired(*canonical, type, now)) co_return std::move(*old);
  }
  if (!woken) co_return fail(Error::Kind::timeout, "DNS: no answer for " + *canonical);
  cache_->put(*canonical, type, answer, now);
  if (answer.canonicalName.empty()) answer.canonicalName = *canonical;
  co_return answer;
}

}  // namespace ostler::dns
