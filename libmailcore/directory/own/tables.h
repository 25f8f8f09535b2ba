// tables.h - the tables of directory.mdb, their keys and their records. FORMAT.md is the same in words.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libmailcore/directory/directory.h"
#include "libmailcore/lmdb/lmdb.h"
#include "libmailcore/ipc/wire.h"

namespace ostler::directory::own {

struct Tables {
  MDB_dbi meta = 0;
  MDB_dbi domains = 0;      ///< official name -> Domain
  MDB_dbi domainNames = 0;  ///< any name -> official name
  MDB_dbi addresses = 0;    ///< IP address -> official name
  MDB_dbi users = 0;        ///< domain NUL local part -> User
  MDB_dbi userIds = 0;      ///< id -> domain NUL local part
  MDB_dbi admins = 0;       ///< id -> domain NUL local part
  MDB_dbi aliases = 0;      ///< domain NUL local part -> Alias
};
inline constexpr unsigned kTableCount = 8;

inline constexpr std::string_view kFormatKey = "format";
inline constexpr std::string_view kSecretKey = "secret";
inline constexpr std::string_view kDefaultDomainKey = "default-domain";
inline constexpr char kRecordVersion = 1;

/// NUL is in no name, so the keys of one domain stand together.
[[nodiscard]] inline std::string keyOf(std::string_view domain, std::string_view localPart) {
  std::string key(domain);
  key += '\0';
  key += localPart;
  return key;
}

template <class T>
[[nodiscard]] std::string encodeRecord(const T& record) {
  return kRecordVersion + ipc::encode(record);
}

template <class T>
[[nodiscard]] Result<T> decodeRecord(std::string_view octets) {
  if (octets.empty() || octets.front() != kRecordVersion) {
    return fail(Error::Kind::temporary,
                "directory: a record of a version this program does not know; use the newer program");
  }
  Result<T> record = ipc::decode<T>(octets.substr(1));
  if (!record) return fail(Error::Kind::temporary, "directory: a broken record; restore directory.mdb from a backup");
  return record;
}

template <class T>
[[nodiscard]] Result<std::optional<T>> readRecord(const lmdb::Transaction& transaction, MDB_dbi table, std::string_view key) {
  const Result<std::optional<std::string_view>> octets = transaction.get(table, key);
  if (!octets) return fail(octets.error());
  if (!*octets) return std::optional<T>{};
  Result<T> record = decodeRecord<T>(**octets);
  if (!record) return fail(record.error());
  return std::optional<T>(std::move(*record));
}

/// The domain that a table of names or addresses leads to.
[[nodiscard]] Result<std::optional<Domain>> readDomain(const lmdb::Transaction& transaction, const Tables& tables, MDB_dbi by,
                                                       std::string_view key);

}  // namespace ostler::directory::own
