// alias.cc - ostler alias add|set|show|del|list.
#include <sysexits.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "queued/tools/directory_tool.h"

namespace ostler::tools {

namespace {

using directory::Address;
using directory::Alias;
using directory::OwnDirectory;

void print(const Alias& alias, const CommonOptions& options) {
  if (options.json) {
    printJson({{"address", alias.address()},
               {"targets", alias.targets},
               {"source", alias.domain.empty() ? "aliases file" : "directory"}});
  } else {
    fmt::print("{}: {}\n", alias.address(), fmt::join(alias.targets, ", "));
  }
}

Result<void> put(OwnDirectory& directory, const Address& address, const std::vector<std::string>& targets,
                 Edit::Mode mode) {
  return directory.edit(
      [&](Edit& edit) { return edit.putAlias(Alias{address.domain, address.localPart, targets}, mode); });
}

Result<void> show(OwnDirectory& directory, const Address& address, const CommonOptions& options) {
  return directory.edit([&](Edit& edit) -> Result<void> {
    const Result<Alias> alias = edit.alias(address.domain, address.localPart);
    if (!alias) return fail(alias.error());
    print(*alias, options);
    return {};
  });
}

Result<void> listAliases(OwnDirectory& directory, const std::string& domain, const CommonOptions& options) {
  std::string wanted;
  if (!domain.empty()) {
    Result<std::string> canonical = directory::canonicalDomain(domain);
    if (!canonical) return fail(canonical.error());
    wanted = std::move(*canonical);
  }
  const Result<std::vector<Alias>> aliases = directory.aliases();
  if (!aliases) return fail(aliases.error());
  for (const Alias& alias : *aliases) {
    if (wanted.empty() || alias.domain == wanted) print(alias, options);
  }
  return {};
}

}  // namespace

int alias(const Call& call) {
  CommonOptions options;
  std::string name;
  std::string domain;
  std::vector<std::string> targets;
  CLI::App app("Aliases: addresses that lead to other addresses, lists, files or programs.");
  app.require_subcommand(1)->fallthrough();
  addConfigOption(app, options);
  addJsonOption(app, options);
  CLI::App* const addVerb = app.add_subcommand("add", "a new alias");
  CLI::App* const setVerb = app.add_subcommand("set", "give an alias other targets");
  CLI::App* const showVerb = app.add_subcommand("show", "where one leads");
  CLI::App* const delVerb = app.add_subcommand("del", "delete one");
  CLI::App* const listVerb = app.add_subcommand("list", "all, or those of a domain");
  for (CLI::App* const verb : {addVerb, setVerb, showVerb, delVerb})
    verb->add_option("address", name, "the alias")->required();
  for (CLI::App* const verb : {addVerb, setVerb}) {
    verb->add_option("target", targets, "an address, /file, |program, :include:/file (a list of up to 16 MiB)")->required();
  }
  listVerb->add_option("domain", domain, "of this domain alone");
  if (const auto status = parse(app, call)) return *status;
  return withDirectory(call, options, [&](OwnDirectory& directory, const config::Config&) -> Result<void> {
    if (listVerb->parsed()) return listAliases(directory, domain, options);
    const Result<Address> address = fullAddress(directory, name);
    if (!address) return fail(address.error());
    if (addVerb->parsed()) return put(directory, *address, targets, Edit::Mode::add);
    if (setVerb->parsed()) return put(directory, *address, targets, Edit::Mode::replace);
    if (showVerb->parsed()) return show(directory, *address, options);
    return directory.edit([&](Edit& edit) { return edit.removeAlias(address->domain, address->localPart); });
  });
}

}  // namespace ostler::tools
