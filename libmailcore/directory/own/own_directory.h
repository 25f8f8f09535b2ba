// own_directory.h - the directory in LMDB: all domains and aliases, and the users of domains of kind `own`.
// Tools write while auth reads, each in its own process; a change is one transaction, synced when edit() returns.
// FORMAT.md has the tables.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "libmailcore/directory/directory.h"
#include "libmailcore/lmdb/lmdb.h"

namespace ostler::directory {

namespace own {
struct Tables;
}

/// Any thread. One object per folder and process.
class OwnDirectory final : public Directory {
 public:
  /// Makes the folder's files at need. Errors: denied, temporary; permanent (a format of the future).
  [[nodiscard]] static Result<std::unique_ptr<OwnDirectory>> open(const std::string& folder);
  ~OwnDirectory() override;

  [[nodiscard]] Result<std::optional<Domain>> domain(std::string_view name) override;
  [[nodiscard]] Result<std::optional<Domain>> domainAtAddress(std::string_view ipAddress) override;
  [[nodiscard]] Result<std::optional<Domain>> defaultDomain() override;
  [[nodiscard]] Result<std::optional<User>> user(const Domain& domain, std::string_view localPart) override;
  [[nodiscard]] Result<std::optional<Alias>> alias(std::string_view domain, std::string_view localPart) override;
  [[nodiscard]] Result<std::optional<User>> firstAdmin() override;
  [[nodiscard]] Result<bool> checkPassword(const User& user, std::string_view password) override;

  [[nodiscard]] Result<std::optional<User>> userById(Id128 id);
  [[nodiscard]] Result<std::vector<Domain>> domains();
  /// Empty domain: of all.
  [[nodiscard]] Result<std::vector<User>> users(std::string_view domain);
  /// Of all domains, and those of the aliases file (whose domain is empty).
  [[nodiscard]] Result<std::vector<Alias>> aliases();

  /// Changes with every change, by whichever process.
  [[nodiscard]] std::uint64_t version() const;
  /// 32 octets, made once per directory: the salts of users that do not exist come from it.
  [[nodiscard]] const std::string& secret() const { return secret_; }
  /// Who knows the users of domains of another kind.
  void attach(Kind kind, std::shared_ptr<UserDatabase> database);

  class Edit;
  /// Runs `change` in one transaction: all of it is kept and synced, or, when it fails, nothing.
  [[nodiscard]] Result<void> edit(const std::function<Result<void>(Edit&)>& change);

 private:
  OwnDirectory(lmdb::Environment environment, std::unique_ptr<own::Tables> tables, std::string secret);
  [[nodiscard]] Result<std::optional<User>> foreignUser(const Domain& domain, std::string_view localPart);

  lmdb::Environment environment_;
  std::unique_ptr<own::Tables> tables_;
  std::string secret_;
  std::map<Kind, std::shared_ptr<UserDatabase>> databases_;
};

/// What a change may do. Names given here need not be canonical; what is stored is.
/// Errors of all: syntax (not a name), exists, notFound, limit, permanent (would leave something without its domain);
/// each says what and why.
class OwnDirectory::Edit {
 public:
  enum class Mode { add, replace };

  [[nodiscard]] Result<void> putDomain(Domain domain, Mode mode);
  /// Refused while the domain has users or aliases.
  [[nodiscard]] Result<void> removeDomain(std::string_view name);
  [[nodiscard]] Result<void> setDefaultDomain(std::string_view name);

  /// add: makes the id, if it is null. replace: the id stays what it was. Returns what was stored.
  [[nodiscard]] Result<User> putUser(User user, Mode mode);
  /// Returns what was removed; the account's folder is the caller's.
  [[nodiscard]] Result<User> removeUser(std::string_view domain, std::string_view localPart);

  [[nodiscard]] Result<void> putAlias(Alias alias, Mode mode);
  [[nodiscard]] Result<void> removeAlias(std::string_view domain, std::string_view localPart);
  /// Puts these in place of all that came from the aliases file before.
  [[nodiscard]] Result<void> replaceFileAliases(const std::vector<Alias>& aliases);

  [[nodiscard]] Result<Domain> domain(std::string_view name) const;
  [[nodiscard]] Result<User> user(std::string_view domain, std::string_view localPart) const;
  [[nodiscard]] Result<Alias> alias(std::string_view domain, std::string_view localPart) const;

 private:
  friend class OwnDirectory;
  Edit(lmdb::Transaction& transaction, const own::Tables& tables) : transaction_(transaction), tables_(tables) {}
  [[nodiscard]] Result<void> releaseNames(const Domain& domain);
  [[nodiscard]] Result<void> claimNames(const Domain& domain);
  [[nodiscard]] Result<std::uint64_t> countUsers(std::string_view domain) const;

  lmdb::Transaction& transaction_;
  const own::Tables& tables_;
};

}  // namespace ostler::directory
