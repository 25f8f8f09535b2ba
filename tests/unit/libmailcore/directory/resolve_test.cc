#include "libmailcore/directory/resolve.h"

#include <catch2/catch.hpp>

#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/login.h"
#include "tests/unit/libmailcore/directory/temporary_directory.h"

using namespace ostler;
using namespace ostler::directory;
using Leads = ipc::Resolution::Kind;

namespace {

/// example.test (also example.example) with alice and bob, other.test with carol.
struct Town : TemporaryDirectory {
  ResolveOptions options;
  Town() {
    Domain domain;
    domain.name = "example.test";
    domain.aliases = {"EXAMPLE.example"};
    REQUIRE(addDomain(domain));
    REQUIRE(addDomain("other.test"));
    REQUIRE(addUser("Alice", "example.test"));
    REQUIRE(addUser("bob", "example.test"));
    REQUIRE(addUser("carol", "other.test"));
    options.readInclude = [](const std::string&) -> Result<std::string> {
      return fail(Error::Kind::temporary, "no lists here");
    };
  }
  ipc::Resolution at(const std::string& address) {
    const auto found = resolve(*own, options, address);
    REQUIRE(found);
    return *found;
  }
  std::vector<std::string> accounts(const std::string& address) {
    std::vector<std::string> names;
    for (const ipc::Account& account : at(address).accounts) names.push_back(account.address);
    return names;
  }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a user is found whatever the case, through an alias domain, and by a bare name") {
  Town town;
  for (const char* const address :
       {"alice@example.test", "ALICE@Example.Test.", "\"alice\"@example.example", "alice", "<alice@example.test>"}) {
    INFO(address);
    CHECK(town.accounts(address) == Names{"alice@example.test"});
    CHECK(town.at(address).kind == Leads::local);
  }
}

TEST_CASE("a domain that is not ours is remote, an unknown user of ours is unknown") {
  Town town;
  CHECK(town.at("x@elsewhere.test").kind == Leads::remote);
  CHECK(town.at("Xy@ELSEWHERE.test").remote == Names{"Xy@elsewhere.test"});
  CHECK(town.at("x@[192.0.2.1]").kind == Leads::remote);
  CHECK(town.at("nobody@example.test").kind == Leads::unknownUser);
  CHECK(town.at("ALICE").address == "alice@example.test");  // what VRFY tells
  CHECK(town.at("Nobody@Example.TEST").address == "nobody@example.test");
  CHECK(town.at("x@elsewhere.test").address.empty());
  CHECK_FALSE(resolve(*town.own, town.options, "@example.test"));
}

TEST_CASE("a tag reaches the user and names a folder, through aliases too") {
  Town town;
  REQUIRE(town.addAlias("sales", "example.test", {"alice"}));
  CHECK(town.at("alice+Lists@example.test").mailboxes == Names{"Lists"});
  CHECK(town.accounts("alice+lists@example.test") == Names{"alice@example.test"});
  CHECK(town.at("sales+Fair@example.test").mailboxes == Names{"Fair"});
  CHECK(town.at("alice@example.test").mailboxes == Names{""});
  REQUIRE(town.addUser("a+b", "example.test"));
  CHECK(town.accounts("a+b@example.test") == Names{"a+b@example.test"});
  CHECK(town.at("alice-x@example.test").kind == Leads::unknownUser);
  town.options.tagSeparator = "-";
  CHECK(town.accounts("alice-x@example.test") == Names{"alice@example.test"});
}

TEST_CASE("aliases are expanded fully, each account once, remote addresses kept apart") {
  Town town;
  REQUIRE(town.addAlias("all", "example.test", {"alice", "team", "x@elsewhere.test"}));
  REQUIRE(town.addAlias("team", "example.test", {"bob", "alice", "carol@other.test", "x@elsewhere.test"}));
  const ipc::Resolution found = town.at("all@example.test");
  CHECK(found.kind == Leads::local);
  CHECK(town.accounts("all@example.test") == Names{"alice@example.test", "bob@example.test", "carol@other.test"});
  CHECK(found.remote == Names{"x@elsewhere.test"});
  CHECK(found.steps.size() >= 6);
}

TEST_CASE("an alias that leads elsewhere alone is still ours") {
  Town town;
  REQUIRE(town.addAlias("gone", "example.test", {"x@elsewhere.test"}));
  CHECK(town.at("gone@example.test").kind == Leads::local);
}

TEST_CASE("loops end: an alias to itself is a loop, but inside its own alias a user's name means the mailbox") {
  Town town;
  REQUIRE(town.addAlias("a", "example.test", {"b"}));
  REQUIRE(town.addAlias("b", "example.test", {"a+tag"}));
  CHECK(town.at("a@example.test").kind == Leads::loop);
  REQUIRE(town.addAlias("bob", "example.test", {"bob", "x@elsewhere.test"}));
  CHECK(town.accounts("bob@example.test") == Names{"bob@example.test"});
  REQUIRE(town.addAlias("alice", "example.test", {"\\alice", "bob"}));
  CHECK(town.accounts("alice@example.test") == Names{"alice@example.test", "bob@example.test"});
}

TEST_CASE("many aliases that name each other end soon") {
  Town town;
  Names everybody;
  for (int i = 0; i < 40; ++i) everybody.push_back("l" + std::to_string(i));
  everybody.push_back("alice");
  REQUIRE(town.own->edit([&](OwnDirectory::Edit& edit) -> Result<void> {
    for (int i = 0; i < 40; ++i) {
      const auto put =
          edit.putAlias({"example.test", "l" + std::to_string(i), everybody}, OwnDirectory::Edit::Mode::add);
      if (!put) return put;
    }
    return {};
  }));
  CHECK(town.accounts("l0@example.test") == Names{"alice@example.test"});
}

TEST_CASE("the catch-all takes what nobody else does, and a catch-all that is unknown itself does not turn for ever") {
  Town town;
  Domain domain;
  domain.name = "catch.test";
  domain.catchAll = "alice@example.test";
  REQUIRE(town.addDomain(domain));
  CHECK(town.accounts("whoever@catch.test") == Names{"alice@example.test"});
  domain.catchAll = "ghost@catch.test";
  REQUIRE(town.own->edit(
      [&](OwnDirectory::Edit& edit) { return edit.putDomain(domain, OwnDirectory::Edit::Mode::replace); }));
  CHECK(town.at("whoever@catch.test").kind == Leads::unknownUser);
}

TEST_CASE(
    "postmaster of every domain and bare postmaster are read by the one named, else an administrator, else the oldest "
    "user") {
  Town town;
  CHECK(town.accounts("postmaster@other.test") == Names{"alice@example.test"});
  User admin;
  admin.localPart = "chief";
  admin.domain = "other.test";
  admin.admin = true;
  REQUIRE(town.addUser(admin));
  CHECK(town.accounts("Postmaster") == Names{"chief@other.test"});
  CHECK(town.accounts("root") == Names{"chief@other.test"});
  CHECK(town.at("root@other.test").kind == Leads::unknownUser);
  town.options.postmaster = "bob@example.test";
  CHECK(town.accounts("postmaster@other.test") == Names{"bob@example.test"});
  CHECK(town.accounts("PostMaster+x@example.example") == Names{"bob@example.test"});
  town.options.postmaster = "postmaster@example.test";
  CHECK(town.accounts("postmaster@other.test") == Names{"chief@other.test"});
  town.options.postmaster = "ghost@example.test";
  CHECK(town.accounts("postmaster@other.test") == Names{"chief@other.test"});
  REQUIRE(town.addAlias("postmaster", "other.test", {"carol"}));
  CHECK(town.accounts("postmaster@other.test") == Names{"carol@other.test"});
}

TEST_CASE("what newaliases loaded counts in the default domain, behind the domain's own names") {
  Town town;
  REQUIRE(town.own->edit([&](OwnDirectory::Edit& edit) {
    return edit.replaceFileAliases({{"", "root", {"alice"}},
                                    {"", "postmaster", {"root"}},
                                    {"", "bob", {"alice"}},
                                    {"", "bits", {"/dev/null"}},
                                    {"", "self", {"self"}}});
  }));
  CHECK(town.accounts("root") == Names{"alice@example.test"});
  CHECK(town.accounts("postmaster@example.test") == Names{"alice@example.test"});
  CHECK(town.accounts("bob@example.test") == Names{"bob@example.test"});
  CHECK(town.at("root@other.test").kind == Leads::unknownUser);
  CHECK(town.at("bits@example.test").files == Names{"/dev/null"});
  CHECK(town.at("self@example.test").kind == Leads::loop);
}

TEST_CASE("files, programs and lists count only where they are allowed") {
  Town town;
  REQUIRE(town.addAlias("f", "example.test", {"/var/mail/archive"}));
  REQUIRE(town.addAlias("p", "example.test", {"|/bin/program x"}));
  REQUIRE(town.addAlias("l", "example.test", {":include:/etc/list"}));
  for (const char* const address : {"f@example.test", "p@example.test", "l@example.test"})
    CHECK(town.at(address).kind == Leads::rejected);
  town.options.files = true;
  town.options.pipes = true;
  CHECK(town.at("f@example.test").files == Names{"/var/mail/archive"});
  CHECK(town.at("p@example.test").pipes == Names{"/bin/program x"});
  CHECK_FALSE(resolve(*town.own, town.options, "l@example.test"));
  town.options.readInclude = [](const std::string&) -> Result<std::string> {
    return "# members\nbob, x@elsewhere.test\n|/bin/evil\n:include:/etc/list\n";
  };
  CHECK(town.accounts("l@example.test") == Names{"bob@example.test"});
  CHECK(town.at("l@example.test").pipes.empty());
}

TEST_CASE("a list file that others may write is refused") {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/list";
  FILE* const file = fopen(path.c_str(), "w");
  REQUIRE(file != nullptr);
  fputs("bob\n", file);
  fclose(file);
  const auto read = resolveOptions(config::Config()).readInclude;
  std::filesystem::permissions(path, std::filesystem::perms(0644));
  CHECK(read(path).value() == "bob\n");
  std::filesystem::permissions(path, std::filesystem::perms(0666));
  CHECK(read(path).error().kind == Error::Kind::denied);
  CHECK_FALSE(read("/dev/zero"));
}

TEST_CASE("a user's own limits win over the domain's") {
  User user;
  Domain domain;
  domain.limits = {100, 10, 5};
  user.limits.mailboxOctets = 7;
  const ipc::Account account = accountOf(user, domain);
  CHECK(account.quotaOctets == 7);
  CHECK(account.quotaMessages == 10);
  CHECK(account.messageSize == 5);
}

TEST_CASE("an account of the machine that is no user is read by directory.system_accounts, by the host's own names alone") {
  Town town;
  Domain domain;
  domain.name = "example.test";
  domain.aliases = {"mail.example.test", "localhost", "example.example"};
  REQUIRE(town.own->edit([&](OwnDirectory::Edit& edit) { return edit.putDomain(domain, OwnDirectory::Edit::Mode::replace); }));
  town.options.systemAccounts = "root@example.test";
  town.options.postmaster = "alice@example.test";
  town.options.hostName = "mail.example.test";
  town.options.isSystemAccount = [](const std::string& name) { return name == "www-data" || name == "root" || name == "bob"; };
  for (const char* const address : {"www-data", "www-data@mail.example.test", "WWW-Data@localhost", "www-data+x@mail.example.test", "root@localhost"}) {
    INFO(address);
    CHECK(town.accounts(address) == Names{"alice@example.test"});
  }
  CHECK(town.accounts("bob@mail.example.test") == Names{"bob@example.test"});
  for (const char* const address : {"www-data@example.test", "www-data@example.example", "www-data@other.test", "games", "games@mail.example.test"}) {
    INFO(address);
    CHECK(town.at(address).kind == Leads::unknownUser);
  }
  town.options.systemAccounts = "www-data@localhost";  // itself
  CHECK(town.at("www-data").kind == Leads::unknownUser);
  town.options.systemAccounts.clear();
  CHECK(town.at("www-data").kind == Leads::unknownUser);
}
