// temporary_directory.h - a folder that goes away with the test, and a directory in it.
#pragma once

#include <memory>

#include "libmailcore/directory/own/own_directory.h"
#include "tests/unit/support/temporary_folder.h"

namespace ostler::directory {

using test::TemporaryFolder;

struct TemporaryDirectory {
  TemporaryFolder folder;
  std::unique_ptr<OwnDirectory> own = OwnDirectory::open(folder.path() + "/directory").value();

  using Edit = OwnDirectory::Edit;
  Result<void> addDomain(Domain domain) {
    return own->edit([&](Edit& edit) { return edit.putDomain(domain, Edit::Mode::add); });
  }
  Result<void> addDomain(const std::string& name) {
    Domain domain;
    domain.name = name;
    return addDomain(domain);
  }
  Result<void> addUser(User user) {
    return own->edit([&](Edit& edit) -> Result<void> {
      const Result<User> put = edit.putUser(user, Edit::Mode::add);
      if (!put) return fail(put.error());
      return {};
    });
  }
  Result<void> addUser(const std::string& localPart, const std::string& domain) {
    User user;
    user.localPart = localPart;
    user.domain = domain;
    return addUser(user);
  }
  Result<void> addAlias(const std::string& localPart, const std::string& domain, std::vector<std::string> targets) {
    return own->edit([&](Edit& edit) { return edit.putAlias(Alias{domain, localPart, targets}, Edit::Mode::add); });
  }
};

}  // namespace ostler::directory
