#include "libmailcore/directory/system/system_users.h"

#include <pwd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/unit/libmailcore/directory/temporary_directory.h"

using namespace ostler;
using namespace ostler::directory;

namespace {

/// A folder of PAM services: "yes" lets everybody in, "no" nobody, "expired" knows the password but not the account.
struct Pam : TemporaryFolder {
  Pam() {
    write("yes", "auth required pam_permit.so\naccount required pam_permit.so\n");
    write("no", "auth required pam_deny.so\naccount required pam_permit.so\n");
    write("expired", "auth required pam_permit.so\naccount required pam_deny.so\n");
  }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path() + "/" + name) << text; }
  [[nodiscard]] SystemOptions service(const std::string& name) const {
    SystemOptions options;
    options.service = name;
    options.pamFolder = path();
    options.firstUid = 0;
    return options;
  }
};

User root() {
  User user;
  user.localPart = "root";
  return user;
}

}  // namespace

TEST_CASE("PAM's word decides on a password; PAM's troubles are not the user's") {
  const Pam pam;
  CHECK(SystemUsers(pam.service("yes")).checkPassword(root(), "secret").value());
  CHECK_FALSE(SystemUsers(pam.service("no")).checkPassword(root(), "secret").value());
  CHECK_FALSE(SystemUsers(pam.service("expired")).checkPassword(root(), "secret").value());
  CHECK_FALSE(SystemUsers(pam.service("yes")).checkPassword(root(), "").value());
  CHECK_FALSE(SystemUsers(pam.service("yes")).checkPassword(root(), std::string("a\0b", 3)).value());
}

TEST_CASE("passwd says who there is, but for daemons") {
  Domain domain;
  domain.name = "example.test";
  const Pam pam;
  CHECK(SystemUsers(pam.service("yes")).find(domain, "root").value()->address() == "root@example.test");
  CHECK_FALSE(SystemUsers().find(domain, "root").value());
  CHECK_FALSE(SystemUsers().find(domain, "nobody").value());
  CHECK_FALSE(SystemUsers().find(domain, "surely-nobody-here").value());
}

TEST_CASE("a user of the system gets an account of ours when it is first seen, and keeps it") {
  const Pam pam;
  TemporaryDirectory directory;
  directory.own->attach(Kind::system, std::make_shared<SystemUsers>(pam.service("yes")));
  Domain domain;
  domain.name = "example.test";
  domain.kind = Kind::system;
  REQUIRE(directory.addDomain(domain));
  const auto first = directory.own->user(domain, "root").value();
  REQUIRE(first);
  CHECK_FALSE(first->id.isNull());
  CHECK(directory.own->user(domain, "root").value()->id == first->id);
  CHECK(directory.own->checkPassword(*first, "secret").value());
  CHECK_FALSE(directory.own->user(domain, "surely-nobody-here").value());
}

TEST_CASE("a domain of a kind that nobody serves is a trouble for later, not an unknown user") {
  TemporaryDirectory directory;
  Domain domain;
  domain.name = "example.test";
  domain.kind = Kind::ldap;
  REQUIRE(directory.addDomain(domain));
  CHECK(directory.own->user(domain, "root").error().kind == Error::Kind::temporary);
}
