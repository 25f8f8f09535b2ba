// The directory that earlier versions left opens in this one; that of a later one is refused.
#include <lmdb.h>

#include <catch2/catch.hpp>

#include "tests/unit/libmailcore/directory/temporary_directory.h"
#include "tests/unit/samples.h"

namespace ostler::directory {

TEST_CASE("a sample of the directory is made", "[.make-samples]") {
  TemporaryDirectory directory;
  Domain domain;
  domain.name = "example.test";
  domain.aliases = {"example.net"};
  REQUIRE(directory.addDomain(domain));
  User user;
  user.domain = "example.test";
  user.localPart = "alice";
  user.admin = true;
  REQUIRE(directory.addUser(user));
  REQUIRE(directory.addAlias("team", "example.test", {"alice@example.test", "bob@remote.test"}));
  directory.own.reset();
  Sample::keep(directory.folder.path() + "/directory", "directory-1");
  std::filesystem::remove(Sample::kept("directory-1") / "directory.mdb-lock");
}

TEST_CASE("the directory of version 1 opens") {
  const Sample sample("directory-1");
  const auto own = OwnDirectory::open(sample.path());
  REQUIRE(own);
  CHECK((*own)->domain("example.net").value()->name == "example.test");
  CHECK((*own)->users("example.test").value().size() == 1);
  CHECK((*own)->firstAdmin().value()->localPart == "alice");
}

TEST_CASE("the directory of a later version is refused with the reason") {
  const Sample sample("directory-1");
  MDB_env* env = nullptr;
  REQUIRE(mdb_env_create(&env) == 0);
  REQUIRE(mdb_env_set_maxdbs(env, 64) == 0);
  REQUIRE(mdb_env_open(env, (sample.path() + "/directory.mdb").c_str(), MDB_NOSUBDIR, 0600) == 0);
  MDB_txn* txn = nullptr;
  REQUIRE(mdb_txn_begin(env, nullptr, 0, &txn) == 0);
  MDB_dbi meta = 0;
  REQUIRE(mdb_dbi_open(txn, "meta", 0, &meta) == 0);
  std::string key = "format";
  std::string later = "2";
  MDB_val at{key.size(), key.data()};
  MDB_val value{later.size(), later.data()};
  REQUIRE(mdb_put(txn, meta, &at, &value, 0) == 0);
  REQUIRE(mdb_txn_commit(txn) == 0);
  mdb_env_close(env);
  const auto own = OwnDirectory::open(sample.path());
  REQUIRE_FALSE(own);
  CHECK(own.error().detail.find("use the newer program") != std::string::npos);
}

}  // namespace ostler::directory
