// user.cc - ostler user add|set|show|del|list|import|locked|unlock|frozen|freeze|thaw.
#include <sysexits.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "libmailcore/directory/import.h"
#include "queued/tools/directory_tool.h"

namespace ostler::tools {

namespace {

using directory::Address;
using directory::OwnDirectory;
using directory::User;

/// What `add` and `set` take.
struct UserOptions {
  std::string address;
  std::string passwordFile;
  std::string hash;
  std::string fullName;
  std::vector<std::string> sendAs;
  bool askPassword = false;
  bool noPassword = false;
  bool disabled = false;
  bool admin = false;
  sasl::VerifierOptions verifiers;
  CLI::Option* fullNameOption;
  CLI::Option* sendAsOption;
  CLI::Option* disabledOption;
  CLI::Option* adminOption;
  LimitOptions limits;

  explicit UserOptions(CLI::App& app) : limits(app) {
    app.add_option("address", address, "alice@example.test; a bare name is of the default domain")->required();
    app.add_option("--password-file", passwordFile, "read the password from there; - for standard input")
        ->type_name("FILE");
    app.add_flag("--password", askPassword, "ask for a new password at the terminal");
    app.add_option("--hash", hash, "a password hash made elsewhere: $argon2id$, $y$, $2b$, $6$, $5$");
    app.add_flag("--no-password", noPassword, "nobody logs in to this account");
    app.add_flag("--recoverable", verifiers.recoverable, "keep the password itself too, for CRAM-MD5");
    app.add_flag("--scram-sha-1", verifiers.scramSha1, "keep a verifier for SCRAM-SHA-1 too");
    fullNameOption = app.add_option("--full-name", fullName, "the name of the person");
    sendAsOption =
        app.add_option("--send-as", sendAs,
                       "an address it may send as beside its own; @domain for all of a domain; \"\" for none")
            ->type_name("ADDRESS")
            ->expected(1)
            ->take_all();
    disabledOption = app.add_flag("--disabled,!--enabled", disabled, "it may not log in, and its sessions end; mail still arrives");
    adminOption = app.add_flag("--admin,!--no-admin", admin, "postmaster where no other is named");
  }

  Result<void> applySettings(User& user) const {
    if (fullNameOption->count() > 0) user.fullName = fullName;
    if (sendAsOption->count() > 0) {
      user.sendAs = sendAs;
      std::erase(user.sendAs, "");
    }
    if (disabledOption->count() > 0) user.disabled = disabled;
    if (adminOption->count() > 0) user.admin = admin;
    return limits.apply(user.limits);
  }
  [[nodiscard]] bool namesPassword() const {
    return askPassword || noPassword || !passwordFile.empty() || !hash.empty();
  }
};

/// The verifiers that the options ask for. May ask at the terminal.
Result<sasl::Verifiers> verifiersFrom(const UserOptions& options) {
  if (options.noPassword) return sasl::Verifiers{};
  if (!options.hash.empty()) {
    const Result<void> known = sasl::checkHashFormat(options.hash);
    if (!known) return fail(known.error());
    sasl::Verifiers verifiers;
    verifiers.passwordHash = options.hash;
    return verifiers;
  }
  const Result<std::string> password = readPassword(options.passwordFile, "Password of " + options.address);
  if (!password) return fail(password.error());
  return sasl::makeVerifiers(*password, options.verifiers);
}

Result<void> add(OwnDirectory& directory, const UserOptions& options) {
  const Result<Address> address = fullAddress(directory, options.address);
  if (!address) return fail(address.error());
  // Asked before the password is: whoever mistyped the name should not type a password first.
  const Result<void> isFree = directory.edit([&](Edit& edit) -> Result<void> {
    const Result<directory::Domain> domain = edit.domain(address->domain);
    if (!domain) return fail(domain.error());
    if (edit.user(address->domain, address->localPart))
      return fail(Error::Kind::exists, "user " + address->text() + " exists already");
    return {};
  });
  if (!isFree) return isFree;
  const Result<sasl::Verifiers> verifiers = verifiersFrom(options);
  if (!verifiers) return fail(verifiers.error());
  return directory.edit([&](Edit& edit) -> Result<void> {
    User user;
    user.domain = address->domain;
    user.localPart = address->localPart;
    user.verifiers = *verifiers;
    const Result<void> applied = options.applySettings(user);
    if (!applied) return applied;
    const Result<User> stored = edit.putUser(user, Edit::Mode::add);
    if (!stored) return fail(stored.error());
    return {};
  });
}

Result<void> set(OwnDirectory& directory, const UserOptions& options) {
  const Result<Address> address = fullAddress(directory, options.address);
  if (!address) return fail(address.error());
  Result<sasl::Verifiers> verifiers = sasl::Verifiers{};
  if (options.namesPassword()) verifiers = verifiersFrom(options);
  if (!verifiers) return fail(verifiers.error());
  return directory.edit([&](Edit& edit) -> Result<void> {
    Result<User> user = edit.user(address->domain, address->localPart);
    if (!user) return fail(user.error());
    if (options.namesPassword()) user->verifiers = *verifiers;
    const Result<void> applied = options.applySettings(*user);
    if (!applied) return applied;
    const Result<User> stored = edit.putUser(*user, Edit::Mode::replace);
    if (!stored) return fail(stored.error());
    return {};
  });
}

/// Which mechanisms can check this user; never the verifiers.
std::vector<std::string> kindsOf(const sasl::Verifiers& verifiers) {
  std::vector<std::string> kinds;
  const std::string& hash = verifiers.passwordHash;
  if (!hash.empty()) kinds.push_back(hash.substr(1, hash.find('$', 1) - 1));
  if (verifiers.scramSha256) kinds.emplace_back("scram-sha-256");
  if (verifiers.scramSha1) kinds.emplace_back("scram-sha-1");
  if (!verifiers.recoverableSecret.empty()) kinds.emplace_back("recoverable");
  return kinds;
}

void printUser(const User& user, const CommonOptions& options) {
  if (options.json) {
    printJson({{"address", user.address()},
               {"id", user.id.text()},
               {"full_name", user.fullName},
               {"disabled", user.disabled},
               {"admin", user.admin},
               {"send_as", user.sendAs},
               {"limits", toJson(user.limits)},
               {"verifiers", kindsOf(user.verifiers)}});
    return;
  }
  fmt::print("{}{}{}\n", user.address(), user.disabled ? " (disabled)" : "", user.admin ? " (admin)" : "");
  if (!user.fullName.empty()) fmt::print("  name       {}\n", user.fullName);
  fmt::print("  account    {}\n", user.id.text());
  fmt::print("  limits     {}\n", toText(user.limits));
  fmt::print("  password   {}\n", user.verifiers.passwordHash.empty()
                                      ? "none"
                                      : fmt::format("{}", fmt::join(kindsOf(user.verifiers), ", ")));
  if (!user.sendAs.empty()) fmt::print("  sends as   {}\n", fmt::join(user.sendAs, ", "));
}

Result<void> show(OwnDirectory& directory, const std::string& name, const CommonOptions& options) {
  const Result<Address> address = fullAddress(directory, name);
  if (!address) return fail(address.error());
  return directory.edit([&](Edit& edit) -> Result<void> {
    const Result<User> user = edit.user(address->domain, address->localPart);
    if (!user) return fail(user.error());
    printUser(*user, options);
    return {};
  });
}

Result<void> listUsers(OwnDirectory& directory, const std::string& domain, const CommonOptions& options) {
  std::string wanted;
  if (!domain.empty()) {
    Result<std::string> canonical = directory::canonicalDomain(domain);
    if (!canonical) return fail(canonical.error());
    wanted = std::move(*canonical);
  }
  const Result<std::vector<User>> users = directory.users(wanted);
  if (!users) return fail(users.error());
  for (const User& user : *users) {
    if (options.json)
      printUser(user, options);
    else
      fmt::print("{}\n", user.address());
  }
  return {};
}

Result<void> remove(OwnDirectory& directory, const config::Config& config, const std::string& name, bool purge) {
  const Result<Address> address = fullAddress(directory, name);
  if (!address) return fail(address.error());
  Id128 id;
  const Result<void> removed = directory.edit([&](Edit& edit) -> Result<void> {
    const Result<User> user = edit.removeUser(address->domain, address->localPart);
    if (!user) return fail(user.error());
    id = user->id;
    return {};
  });
  if (!removed) return removed;
  const std::string folder = config.accountsDir() + "/" + id.text();
  if (!purge) {
    if (std::filesystem::exists(folder))
      fmt::print("The mail stays in {}; delete the folder when it is not needed any more.\n", folder);
    return {};
  }
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  if (error)
    return fail(Error::Kind::temporary, "the user is gone, but not its mail in " + folder + ": " + error.message());
  return {};
}

Result<void> import(OwnDirectory& directory, const std::string& file, bool hashes) {
  using Column = directory::ImportColumn;
  std::ifstream opened;
  if (file != "-") {
    opened.open(file);
    if (!opened) return fail(Error::Kind::notFound, "cannot read " + file);
  }
  const Result<directory::ImportOutcome> outcome = ostler::directory::importUsers(
      directory, file == "-" ? std::cin : opened, hashes ? Column::hash : Column::password);
  if (!outcome) return fail(Error{outcome.error().kind, file + ": " + outcome.error().detail});
  fmt::print(
      "{} users added{}\n", outcome->added,
      outcome->existed == 0 ? "" : fmt::format(", {} were there already and stay as they are", outcome->existed));
  return {};
}

/// Failed logins are counted by the running auth, in its memory. Empty name: says who is locked out.
int askAboutLockouts(const CommonOptions& options, const std::string& name) {
  const std::shared_ptr<const config::Config> config = loadConfig(options);
  if (!config) return EX_CONFIG;
  if (name.empty()) return askAndPrint(*config, "auth", options.json ? std::vector<std::string>{"lockouts", "--json"} : std::vector<std::string>{"lockouts"});
  return askAndPrint(*config, "auth", {"unlock", name});
}

/// What users send is counted by the running spool.
int askAboutSending(const CommonOptions& options, std::vector<std::string> words) {
  const std::shared_ptr<const config::Config> config = loadConfig(options);
  if (!config) return EX_CONFIG;
  if (options.json) words.emplace_back("--json");
  return askAndPrint(*config, "control", std::move(words));
}

}  // namespace

int user(const Call& call) {
  CommonOptions options;
  std::string name;
  std::string domain;
  std::string file = "-";
  bool purge = false;
  bool hashes = false;
  bool all = false;
  CLI::App app("Users: who has a mailbox.");
  app.require_subcommand(1)->fallthrough();
  addConfigOption(app, options);
  addJsonOption(app, options);
  CLI::App* const addVerb = app.add_subcommand("add", "a new user");
  CLI::App* const setVerb = app.add_subcommand("set", "change what is given, keep the rest");
  CLI::App* const showVerb = app.add_subcommand("show", "all that is known of one, but for the password");
  CLI::App* const delVerb = app.add_subcommand("del", "delete one; the mail stays");
  CLI::App* const listVerb = app.add_subcommand("list", "all, or those of a domain");
  CLI::App* const lockedVerb = app.add_subcommand("locked", "who is locked out because of failed logins");
  CLI::App* const unlockVerb = app.add_subcommand("unlock", "forget the failed logins of a user or client");
  CLI::App* const frozenVerb = app.add_subcommand("frozen", "who may send no more mail, having sent too much");
  CLI::App* const freezeVerb = app.add_subcommand("freeze", "let a user send no more mail");
  CLI::App* const thawVerb = app.add_subcommand("thaw", "let a frozen user send again");
  CLI::App* const importVerb = app.add_subcommand("import", "add many: lines of an address, a space and the password");
  const UserOptions added(*addVerb);
  const UserOptions changed(*setVerb);
  for (CLI::App* const verb : {showVerb, delVerb, freezeVerb, thawVerb}) verb->add_option("address", name, "the user")->required();
  unlockVerb->add_option("who", name, "an address, or a client's IP address")->required();
  frozenVerb->add_flag("--all", all, "everybody who has sent in the last day, where that is counted");
  delVerb->add_flag("--purge", purge, "delete the mail too");
  listVerb->add_option("domain", domain, "of this domain alone");
  importVerb->add_option("--file", file, "where the lines are; - for standard input")->type_name("FILE");
  importVerb->add_flag("--hashes", hashes, "the lines have password hashes in place of passwords");
  if (const auto status = parse(app, call)) return *status;
  if (lockedVerb->parsed() || unlockVerb->parsed()) return askAboutLockouts(options, unlockVerb->parsed() ? name : "");
  if (frozenVerb->parsed()) return askAboutSending(options, all ? std::vector<std::string>{"sender", "list", "--all"} : std::vector<std::string>{"sender", "list"});
  if (freezeVerb->parsed() || thawVerb->parsed()) return askAboutSending(options, {"sender", freezeVerb->parsed() ? "freeze" : "thaw", name});
  return withDirectory(call, options, [&](OwnDirectory& directory, const config::Config& config) -> Result<void> {
    if (addVerb->parsed()) return add(directory, added);
    if (setVerb->parsed()) return set(directory, changed);
    if (showVerb->parsed()) return show(directory, name, options);
    if (listVerb->parsed()) return listUsers(directory, domain, options);
    if (importVerb->parsed()) return import(directory, file, hashes);
    return remove(directory, config, name, purge);
  });
}

}  // namespace ostler::tools
