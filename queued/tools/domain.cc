// domain.cc - ostler domain add|set|show|del|list.
#include <sysexits.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "queued/tools/directory_tool.h"

namespace ostler::tools {

namespace {

using directory::Domain;
using directory::OwnDirectory;

/// What `add` and `set` take.
struct DomainOptions {
  std::string name;
  std::vector<std::string> aliases;
  std::vector<std::string> addresses;
  std::string kind;
  std::string catchAll;
  std::uint64_t users = 0;
  bool standard = false;
  CLI::Option* aliasesOption;
  CLI::Option* addressesOption;
  CLI::Option* catchAllOption;
  CLI::Option* usersOption;
  LimitOptions limits;

  explicit DomainOptions(CLI::App& app) : limits(app) {
    app.add_option("name", name, "its official name")->required();
    aliasesOption = app.add_option("--alias", aliases, "another name of it; repeat it for more, \"\" for none")
                        ->type_name("NAME")
                        ->expected(1)
                        ->take_all();
    addressesOption =
        app.add_option("--address", addresses, "an IP address of its own: a bare login name there means its user")
            ->type_name("IP")
            ->expected(1)
            ->take_all();
    app.add_option("--kind", kind, "where its users come from: own, system, sql, ldap");
    catchAllOption =
        app.add_option("--catch-all", catchAll, "who gets mail for unknown users; \"\": nobody")->type_name("ADDRESS");
    usersOption = app.add_option("--users", users, "how many users it may have; 0: unlimited");
    app.add_flag("--default", standard, "bare names mean this domain");
  }

  Result<void> apply(Domain& domain) const {
    const auto given = [](std::vector<std::string> values) {
      std::erase(values, "");
      return values;
    };
    if (aliasesOption->count() > 0) domain.aliases = given(aliases);
    if (addressesOption->count() > 0) domain.loginAddresses = given(addresses);
    if (catchAllOption->count() > 0) domain.catchAll = catchAll;
    if (usersOption->count() > 0) domain.users = users;
    if (!kind.empty()) {
      const auto known = directory::kindNamed(kind);
      if (!known)
        return fail(Error::Kind::syntax, "\"" + kind + "\" is no kind of domain; there are own, system, sql, ldap");
      domain.kind = *known;
    }
    return limits.apply(domain.limits);
  }
};

Result<void> put(OwnDirectory& directory, const DomainOptions& options, Edit::Mode mode) {
  return directory.edit([&](Edit& edit) -> Result<void> {
    Domain domain;
    domain.name = options.name;
    if (mode == Edit::Mode::replace) {
      Result<Domain> old = edit.domain(options.name);
      if (!old) return fail(old.error());
      domain = std::move(*old);
    }
    const Result<void> applied = options.apply(domain);
    if (!applied) return applied;
    const Result<void> stored = edit.putDomain(domain, mode);
    if (!stored || !options.standard) return stored;
    return edit.setDefaultDomain(domain.name);
  });
}

nlohmann::json toJson(const Domain& domain, bool isDefault) {
  return {{"name", domain.name},
          {"aliases", domain.aliases},
          {"kind", directory::nameOf(domain.kind)},
          {"catch_all", domain.catchAll},
          {"users", domain.users},
          {"limits", tools::toJson(domain.limits)},
          {"addresses", domain.loginAddresses},
          {"default", isDefault}};
}

void printInWords(const Domain& domain, bool isDefault) {
  fmt::print("{}{}\n", domain.name, isDefault ? " (default)" : "");
  if (!domain.aliases.empty()) fmt::print("  also named  {}\n", fmt::join(domain.aliases, ", "));
  fmt::print("  kind        {}\n", directory::nameOf(domain.kind));
  fmt::print("  catch-all   {}\n", domain.catchAll.empty() ? "none" : domain.catchAll);
  fmt::print("  users       {}\n", domain.users == 0 ? "unlimited" : "at most " + std::to_string(domain.users));
  fmt::print("  limits      {}\n", tools::toText(domain.limits));
  if (!domain.loginAddresses.empty()) fmt::print("  addresses   {}\n", fmt::join(domain.loginAddresses, ", "));
}

Result<bool> isDefault(OwnDirectory& directory, const Domain& domain) {
  const auto standard = directory.defaultDomain();
  if (!standard) return fail(standard.error());
  return *standard && (*standard)->name == domain.name;
}

Result<void> show(OwnDirectory& directory, const std::string& name, const CommonOptions& options) {
  const Result<std::string> canonical = directory::canonicalDomain(name);
  if (!canonical) return fail(canonical.error());
  const Result<std::optional<Domain>> domain = directory.domain(*canonical);
  if (!domain) return fail(domain.error());
  if (!*domain) return fail(Error::Kind::notFound, "domain " + name + " does not exist");
  const Result<bool> standard = isDefault(directory, **domain);
  if (!standard) return fail(standard.error());
  if (options.json)
    printJson(toJson(**domain, *standard));
  else
    printInWords(**domain, *standard);
  return {};
}

Result<void> listDomains(OwnDirectory& directory, const CommonOptions& options) {
  const Result<std::vector<Domain>> domains = directory.domains();
  if (!domains) return fail(domains.error());
  for (const Domain& domain : *domains) {
    const Result<bool> standard = isDefault(directory, domain);
    if (!standard) return fail(standard.error());
    if (options.json)
      printJson(toJson(domain, *standard));
    else
      fmt::print("{}\n", domain.name);
  }
  return {};
}

}  // namespace

int domain(const Call& call) {
  CommonOptions options;
  CLI::App app("Domains: whose mail is ours.");
  app.require_subcommand(1)->fallthrough();
  addConfigOption(app, options);
  addJsonOption(app, options);
  CLI::App* const addVerb = app.add_subcommand("add", "a new domain");
  CLI::App* const setVerb = app.add_subcommand("set", "change what is given, keep the rest");
  CLI::App* const showVerb = app.add_subcommand("show", "all that is known of one");
  CLI::App* const delVerb = app.add_subcommand("del", "delete one that has no users and aliases any more");
  CLI::App* const listVerb = app.add_subcommand("list", "their names");
  const DomainOptions added(*addVerb);
  const DomainOptions changed(*setVerb);
  std::string name;
  for (CLI::App* const verb : {showVerb, delVerb}) verb->add_option("name", name, "any of its names")->required();
  if (const auto status = parse(app, call)) return *status;
  return withDirectory(call, options, [&](OwnDirectory& directory, const config::Config&) -> Result<void> {
    if (addVerb->parsed()) return put(directory, added, Edit::Mode::add);
    if (setVerb->parsed()) return put(directory, changed, Edit::Mode::replace);
    if (showVerb->parsed()) return show(directory, name, options);
    if (listVerb->parsed()) return listDomains(directory, options);
    return directory.edit([&](Edit& edit) { return edit.removeDomain(name); });
  });
}

}  // namespace ostler::tools
