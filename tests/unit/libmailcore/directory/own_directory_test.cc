#include "libmailcore/directory/own/own_directory.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/unit/libmailcore/directory/temporary_directory.h"

using namespace ostler;
using namespace ostler::directory;
using Edit = OwnDirectory::Edit;

TEST_CASE("a directory keeps what was put into it when it is opened again") {
  TemporaryFolder folder;
  std::string secret;
  Id128 id;
  {
    const auto own = OwnDirectory::open(folder.path() + "/d").value();
    secret = own->secret();
    REQUIRE(own->edit([&](Edit& edit) -> Result<void> {
      REQUIRE(edit.putDomain(Domain{"Example.test", {"ex.test"}, Kind::own, "a@b.test", {1, 2, 3}, 10, {"192.0.2.1"}},
                             Edit::Mode::add));
      User user;
      user.domain = "EX.test";
      user.localPart = "Alice";
      user.fullName = "Alice Smith";
      user.sendAs = {"@Other.test", "Sales@example.test"};
      user.verifiers.passwordHash = "hash";
      id = edit.putUser(user, Edit::Mode::add)->id;
      return {};
    }));
  }
  const auto own = OwnDirectory::open(folder.path() + "/d").value();
  CHECK(own->secret() == secret);
  CHECK(secret.size() == 32);
  const auto domain = own->domain("ex.test").value();
  REQUIRE(domain);
  CHECK(domain->name == "example.test");
  CHECK(domain->limits == Limits{1, 2, 3});
  CHECK(own->domainAtAddress("192.0.2.1").value()->name == "example.test");
  const auto user = own->user(*domain, "alice").value();
  REQUIRE(user);
  CHECK(user->address() == "alice@example.test");
  CHECK(user->fullName == "Alice Smith");
  CHECK(user->sendAs == std::vector<std::string>{"@other.test", "sales@example.test"});
  CHECK(own->userById(id).value() == user);
  CHECK(own->defaultDomain().value()->name == "example.test");
  CHECK_FALSE(own->user(*domain, "bob").value());
  CHECK_FALSE(own->user(*domain, std::string(3000, 'x')).value());
}

TEST_CASE("a change that fails leaves nothing behind") {
  TemporaryDirectory directory;
  const Result<void> outcome = directory.own->edit([](Edit& edit) -> Result<void> {
    REQUIRE(edit.putDomain(Domain{"example.test", {}, Kind::own, "", {}, 0, {}}, Edit::Mode::add));
    return fail(Error::Kind::limit, "changed my mind");
  });
  CHECK(outcome.error().kind == Error::Kind::limit);
  CHECK_FALSE(directory.own->domain("example.test").value());
}

TEST_CASE("what would contradict the rest is refused, with the reason") {
  TemporaryDirectory directory;
  REQUIRE(directory.addDomain("example.test"));
  Domain domain;
  domain.name = "other.test";
  domain.aliases = {"example.test"};
  CHECK(directory.addDomain(domain).error().kind == Error::Kind::exists);
  domain.aliases = {"other.test"};
  CHECK_FALSE(directory.addDomain(domain));
  domain.aliases = {};
  domain.users = 1;
  REQUIRE(directory.addDomain(domain));
  REQUIRE(directory.addUser("a", "other.test"));
  CHECK(directory.addUser("A", "other.test").error().kind == Error::Kind::exists);
  CHECK(directory.addUser("b", "other.test").error().kind == Error::Kind::limit);
  CHECK(directory.addUser("b", "nowhere.test").error().kind == Error::Kind::notFound);
  CHECK(directory.addAlias("x", "example.test", {}).error().kind == Error::Kind::syntax);
  CHECK(directory.own->edit([](Edit& edit) { return edit.removeDomain("other.test"); }).error().kind ==
        Error::Kind::permanent);
}

TEST_CASE("the last administrator and the default domain give way to the next") {
  TemporaryDirectory directory;
  REQUIRE(directory.addDomain("one.test"));
  REQUIRE(directory.addDomain("two.test"));
  CHECK(directory.own->defaultDomain().value()->name == "one.test");
  REQUIRE(directory.own->edit([](Edit& edit) { return edit.removeDomain("one.test"); }));
  CHECK(directory.own->defaultDomain().value()->name == "two.test");
  CHECK_FALSE(directory.own->firstAdmin().value());
  User user;
  user.localPart = "a";
  user.domain = "two.test";
  REQUIRE(directory.addUser(user));
  user.localPart = "b";
  user.admin = true;
  REQUIRE(directory.addUser(user));
  CHECK(directory.own->firstAdmin().value()->localPart == "b");
  REQUIRE(directory.own->edit([](Edit& edit) -> Result<void> {
    REQUIRE(edit.removeUser("two.test", "b"));
    return {};
  }));
  CHECK(directory.own->firstAdmin().value()->localPart == "a");
}

TEST_CASE("a user changed keeps its id") {
  TemporaryDirectory directory;
  REQUIRE(directory.addDomain("one.test"));
  REQUIRE(directory.addUser("a", "one.test"));
  const User before = directory.own->users("one.test").value().at(0);
  REQUIRE(directory.own->edit([](Edit& edit) -> Result<void> {
    User user;
    user.localPart = "A";
    user.domain = "one.test";
    user.disabled = true;
    REQUIRE(edit.putUser(user, Edit::Mode::replace));
    return {};
  }));
  const User after = directory.own->users("").value().at(0);
  CHECK(after.id == before.id);
  CHECK(after.disabled);
}

TEST_CASE("two processes write at once, a third one sees all of it and notices that something changed") {
  TemporaryFolder folder;
  const std::string path = folder.path() + "/d";
  constexpr int kEach = 50;
  std::vector<pid_t> children;
  for (int child = 0; child < 2; ++child) {
    const pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      const auto own = OwnDirectory::open(path);
      bool fine = own.has_value();
      for (int i = 0; fine && i < kEach; ++i) {
        fine = (*own)
                   ->edit([&](Edit& edit) {
                     Domain domain;
                     domain.name = "d" + std::to_string(child * kEach + i) + ".test";
                     return edit.putDomain(domain, Edit::Mode::add);
                   })
                   .has_value();
      }
      _exit(fine ? 0 : 1);
    }
    children.push_back(pid);
  }
  const auto own = OwnDirectory::open(path).value();
  const std::uint64_t before = own->version();
  for (const pid_t pid : children) {
    int status = 0;
    REQUIRE(waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
  }
  CHECK(own->domains().value().size() == 2 * kEach);
  CHECK(own->version() >= before);
  const std::uint64_t settled = own->version();
  CHECK(own->version() == settled);
}
