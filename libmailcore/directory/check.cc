#include "libmailcore/directory/check.h"

#include "libmailcore/directory/resolve.h"
#include "libmailcore/ipc/directory.h"

namespace ostler::directory {

namespace {

using Severity = config::Problem::Severity;
using ResolutionKind = ipc::Resolution::Kind;

class Check {
 public:
  Check(OwnDirectory& directory, const config::Config& config)
      : directory_(directory), options_(resolveOptions(config)), place_{config.directoryDir(), 1, 1}, named_(config.placeOf("directory.postmaster")), systemAccounts_(config.placeOf("directory.system_accounts")) {}

  std::vector<config::Problem> run() {
    const Result<std::vector<Domain>> domains = directory_.domains();
    if (!domains) {
      say(Severity::error, domains.error().detail);
      return std::move(problems_);
    }
    if (domains->empty()) say(Severity::warning, "there is no local domain; add one with `ostler domain add NAME`");
    for (const Domain& domain : *domains) checkDomain(domain);
    checkPostmasterIsNamed(*domains);
    if (!domains->empty() && !options_.systemAccounts.empty()) checkSystemAccounts();
    const Result<std::vector<Alias>> aliases = directory_.aliases();
    if (!aliases)
      say(Severity::error, aliases.error().detail);
    else
      for (const Alias& alias : *aliases) checkAlias(alias);
    return std::move(problems_);
  }

 private:
  void say(Severity severity, std::string text) { problems_.push_back({severity, place_, std::move(text)}); }

  void checkDomain(const Domain& domain) {
    const Result<ipc::Resolution> postmaster = resolve(directory_, options_, "postmaster@" + domain.name);
    if (!postmaster) {
      say(Severity::error, "postmaster@" + domain.name + ": " + postmaster.error().detail);
    } else if (postmaster->kind != ResolutionKind::local) {
      say(Severity::error, "postmaster@" + domain.name +
                               " reaches nobody (RFC 5321 4.5.1); add a user, or name one in directory.postmaster");
    }
    if (domain.catchAll.empty()) return;
    const Result<ipc::Resolution> catchAll = resolve(directory_, options_, domain.catchAll);
    if (!catchAll)
      say(Severity::warning, "catch-all of " + domain.name + ": " + catchAll.error().detail);
    else if (catchAll->kind == ResolutionKind::unknownUser || catchAll->kind == ResolutionKind::loop) {
      say(Severity::warning, "the catch-all of " + domain.name + ", " + domain.catchAll +
                                 ", reaches nobody; change it with `ostler domain set " + domain.name +
                                 " --catch-all ADDRESS`");
    }
  }

  void checkPostmasterIsNamed(const std::vector<Domain>& domains) {
    if (domains.empty()) return;
    if (!options_.postmaster.empty()) return checkNamedPostmaster();
    const Result<std::optional<User>> owner = directory_.firstAdmin();
    if (owner && *owner && !(*owner)->admin) {
      say(Severity::warning, "nobody is named as postmaster, so the oldest user, " + (*owner)->address() +
                                 ", is it; name one in directory.postmaster or with `ostler user set ADDRESS --admin`");
    }
  }

  /// Where the one that is named is not there, another reads it: mail is not lost, but the administrator looks in the wrong place.
  void checkNamedPostmaster() {
    const Result<ipc::Resolution> named = resolve(directory_, options_, options_.postmaster);
    if (named && (named->kind == ResolutionKind::local || named->kind == ResolutionKind::remote)) return;
    const std::string why = named ? "reaches nobody" : named.error().detail;
    problems_.push_back({Severity::warning, named_, "directory.postmaster: " + options_.postmaster + " " + why +
                                                        "; the first administrator, or the oldest user, reads postmaster's mail instead"});
  }

  void checkSystemAccounts() {
    const Result<ipc::Resolution> leads = resolve(directory_, options_, options_.systemAccounts);
    if (leads && (leads->kind == ResolutionKind::local || leads->kind == ResolutionKind::remote)) return;
    problems_.push_back({Severity::warning, systemAccounts_, "directory.system_accounts: " + options_.systemAccounts + " " +
                                                                 (leads ? "reaches nobody" : leads.error().detail) + ": what this machine's programs send to each other is lost"});
  }

  void checkAlias(const Alias& alias) {
    const std::string name = alias.domain.empty() ? alias.localPart + " (aliases file)" : alias.address();
    const Result<ipc::Resolution> leads = resolve(directory_, options_, alias.address());
    if (!leads) {
      say(Severity::warning, "alias " + name + ": " + leads.error().detail);
      return;
    }
    switch (leads->kind) {
      case ResolutionKind::local:
      case ResolutionKind::remote:
        for (const std::string& member : leads->nobody) {
          say(Severity::warning, "alias " + name + " names " + member + ", whom nobody is: mail for it reaches the others alone");
        }
        return;
      case ResolutionKind::tooMany:
        return say(Severity::error, "alias " + name + ": " + leads->steps.back() + ": mail for it is refused; divide it");
      case ResolutionKind::loop:
        return say(Severity::warning, "alias " + name + " leads back to itself and to nobody else");
      case ResolutionKind::rejected:
        return say(Severity::warning,
                   "alias " + name + " leads to files, programs or lists alone, which are not allowed here");
      case ResolutionKind::unknownUser:
        return say(Severity::warning,
                   "alias " + name + " leads to nobody; see `ostler explain --to " + alias.address() + "`");
    }
  }

  OwnDirectory& directory_;
  const ResolveOptions options_;
  const config::Place place_;
  const config::Place named_;
  const config::Place systemAccounts_;
  std::vector<config::Problem> problems_;
};

}  // namespace

std::vector<config::Problem> checkDirectory(OwnDirectory& directory, const config::Config& config) {
  return Check(directory, config).run();
}

}  // namespace ostler::directory
