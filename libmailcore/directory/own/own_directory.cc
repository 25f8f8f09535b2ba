#include "libmailcore/directory/own/own_directory.h"

#include "libmailcore/base/random.h"
#include "libmailcore/directory/own/tables.h"

namespace ostler::directory {

using own::readRecord;
using own::Tables;
using lmdb::Transaction;

namespace {

constexpr std::string_view kFormat = "1";

Result<Tables> openTables(const lmdb::Environment& environment, const Transaction& transaction) {
  Tables tables;
  const std::pair<const char*, MDB_dbi*> names[] = {
      {"meta", &tables.meta},           {"domains", &tables.domains}, {"domain_names", &tables.domainNames},
      {"addresses", &tables.addresses}, {"users", &tables.users},     {"user_ids", &tables.userIds},
      {"admins", &tables.admins},       {"aliases", &tables.aliases},
  };
  for (const auto& [name, table] : names) {
    const Result<MDB_dbi> opened = environment.table(transaction, name);
    if (!opened) return fail(opened.error());
    *table = *opened;
  }
  return tables;
}

/// The value of a meta key; written first if it is not there.
Result<std::string> metaOr(Transaction& transaction, const Tables& tables, std::string_view key,
                           const std::string& initial) {
  const auto value = transaction.get(tables.meta, key);
  if (!value) return fail(value.error());
  if (*value) return std::string(**value);
  const Result<void> put = transaction.put(tables.meta, key, initial);
  if (!put) return fail(put.error());
  return initial;
}

template <class T>
Result<std::vector<T>> readAll(const Transaction& transaction, MDB_dbi table, std::string_view prefix) {
  std::vector<T> all;
  lmdb::Cursor cursor(transaction, table, prefix);
  while (cursor.next()) {
    Result<T> record = own::decodeRecord<T>(cursor.value());
    if (!record) return fail(record.error());
    all.push_back(std::move(*record));
  }
  if (cursor.error() != 0) return lmdb::errorOf(cursor.error(), "list");
  return all;
}

}  // namespace

Result<std::optional<Domain>> own::readDomain(const Transaction& transaction, const Tables& tables, MDB_dbi by,
                                              std::string_view key) {
  const auto official = transaction.get(by, key);
  if (!official) return fail(official.error());
  if (!*official) return std::optional<Domain>{};
  return readRecord<Domain>(transaction, tables.domains, **official);
}

OwnDirectory::OwnDirectory(lmdb::Environment environment, std::unique_ptr<Tables> tables, std::string secret)
    : environment_(std::move(environment)), tables_(std::move(tables)), secret_(std::move(secret)) {}
OwnDirectory::~OwnDirectory() = default;

Result<std::unique_ptr<OwnDirectory>> OwnDirectory::open(const std::string& folder) {
  Result<lmdb::Environment> environment = lmdb::Environment::open(folder, own::kTableCount);
  if (!environment) return fail(environment.error());
  Result<Transaction> transaction = environment->write();
  if (!transaction) return fail(transaction.error());
  const Result<Tables> tables = openTables(*environment, *transaction);
  if (!tables) return fail(tables.error());
  const Result<std::string> format = metaOr(*transaction, *tables, own::kFormatKey, std::string(kFormat));
  if (!format) return fail(format.error());
  if (*format != kFormat) {
    return fail(Error::Kind::permanent, "directory: " + environment->path() + " has format " + *format +
                                            ", this program knows 1; use the newer program");
  }
  Result<std::string> secret = metaOr(*transaction, *tables, own::kSecretKey, randomOctets(32));
  if (!secret) return fail(secret.error());
  const Result<void> committed = transaction->commit();
  if (!committed) return fail(committed.error());
  return std::unique_ptr<OwnDirectory>(
      new OwnDirectory(std::move(*environment), std::make_unique<Tables>(*tables), std::move(*secret)));
}

Result<std::optional<Domain>> OwnDirectory::domain(std::string_view name) {
  const Result<Transaction> transaction = environment_.read();
  if (!transaction) return fail(transaction.error());
  return own::readDomain(*transaction, *tables_, tables_->domainNames, name);
}

Result<std::optional<Domain>> OwnDirectory::domainAtAddress(std::string_view ipAddress) {
  const Result<Transaction> transaction = environment_.read();
  if (!transaction) return fail(transaction.error());
  return own::readDomain(*transaction, *tables_, tables_->addresses, ipAddress);
}

Result<std::optional<Domain>> OwnDirectory::defaultDomain() {
  const Result<Transaction> transaction = environment_.read();
  if (!transaction) return fail(transaction.error());
  return own::readDomain(*transaction, *tables_, tables_->meta, own::kDefaultDomainKey);
}

Result<std::optional<User>> OwnDirectory::user(const Domain& domain, std::string_view localPart) {
  if (domain.kind != Kind::own) return foreignUser(domain, localPart);
  const Result<Transaction> transaction = environment_.read();
  if (!transaction) return fail(transaction.error());
  return readRecord<User>(*transaction, tables_->users, own::keyOf(domain.name, localPart));
}

// A user of another kind has a record of ours too, which holds what the other side does not know: the account's id and
// limits. It is made when the user is first seen.
Result<std::optional<User>> OwnDirectory::foreignUser(const Domain& domain, std::string_view localPart) {
  const auto database = databases_.find(domain.kind);
  if (database == databases_.end()) {
    return fail(Error::Kind::temporary, "directory: domain " + domain.name + " is of kind " +
                                            std::string(nameOf(domain.kind)) +
                                            ", which this program was built or configured without");
  }
  Result<std::optional<User>> found = database->second->find(domain, localPart);
  if (!found || !*found) return found;
  User& user = **found;
  user.domain = domain.name;
  user.localPart = localPart;
  std::optional<User> ours;
  {
    const Result<Transaction> transaction = environment_.read();
    if (!transaction) return fail(transaction.error());
    Result<std::optional<User>> record =
        readRecord<User>(*transaction, tables_->users, own::keyOf(domain.name, localPart));
    if (!record) return fail(record.error());
    ours = std::move(*record);
  }
  if (!ours) {
    const Result<void> added = edit([&](Edit& edit) -> Result<void> {
      Result<User> there = edit.user(domain.name, localPart);  // somebody was faster
      if (!there) there = edit.putUser(user, Edit::Mode::add);
      if (!there) return fail(there.error());
      ours = std::move(*there);
      return {};
    });
    if (!added) return fail(added.error());
  }
  user.id = ours->id;
  user.limits = ours->limits;
  user.admin = ours->admin;
  user.sendAs = ours->sendAs;
  user.disabled = user.disabled || ours->disabled;
  return found;
}

Result<std::optional<Alias>> OwnDirectory::alias(std::string_view domain, std::string_view localPart) {
  const Result<Transaction> transaction = environment_.read();
  if (!transaction) return fail(transaction.error());
  return readRecord<Alias>(*transaction, tables_->aliases, own::keyOf(domain, localPart));
}

Result<std::optional<User>> OwnDirectory::firstAdmin() {
  const Result<Transaction> transaction = environment_.read();
  if (!transaction) return fail(transaction.error());
  for (const MDB_dbi table : {tables_->admins, tables_->userIds}) {
    lmdb::Cursor cursor(*transaction, table, "");
    if (cursor.next()) return readRecord<User>(*transaction, tables_->users, cursor.value());
    if (cursor.error() != 0) return lmdb::errorOf(cursor.error(), "list");
  }
  return std::optional<User>{};
}

Result<bool> OwnDirectory::checkPassword(const User& user, std::string_view password) {
  const Result<std::optional<Domain>> of = domain(user.domain);
  if (!of) return fail(of.error());
  if (*of && (*of)->kind != Kind::own) {
    const auto database = databases_.find((*of)->kind);
    if (database != databases_.end()) return database->second->checkPassword(user, password);
  }
  return sasl::checkPassword(user.verifiers.passwordHash, password);
}

Result<std::optional<User>> OwnDirectory::userById(Id128 id) {
  const Result<Transaction> transaction = environment_.read();
  if (!transaction) return fail(transaction.error());
  const auto key = transaction->get(tables_->userIds, id.octets());
  if (!key) return fail(key.error());
  if (!*key) return std::optional<User>{};
  return readRecord<User>(*transaction, tables_->users, **key);
}

Result<std::vector<Domain>> OwnDirectory::domains() {
  const Result<Transaction> transaction = environment_.read();
  if (!transaction) return fail(transaction.error());
  return readAll<Domain>(*transaction, tables_->domains, "");
}

Result<std::vector<User>> OwnDirectory::users(std::string_view domain) {
  const Result<Transaction> transaction = environment_.read();
  if (!transaction) return fail(transaction.error());
  return readAll<User>(*transaction, tables_->users, domain.empty() ? "" : own::keyOf(domain, ""));
}

Result<std::vector<Alias>> OwnDirectory::aliases() {
  const Result<Transaction> transaction = environment_.read();
  if (!transaction) return fail(transaction.error());
  return readAll<Alias>(*transaction, tables_->aliases, "");
}

std::uint64_t OwnDirectory::version() const {
  return environment_.version();
}

void OwnDirectory::attach(Kind kind, std::shared_ptr<UserDatabase> database) {
  databases_[kind] = std::move(database);
}

Result<void> OwnDirectory::edit(const std::function<Result<void>(Edit&)>& change) {
  Result<Transaction> transaction = environment_.write();
  if (!transaction) return fail(transaction.error());
  Edit edit(*transaction, *tables_);
  Result<void> outcome = change(edit);
  if (!outcome) return outcome;
  return transaction->commit();
}

}  // namespace ostler::directory
