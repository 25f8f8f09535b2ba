#include "queued/auth/permissions.h"

#include <catch2/catch.hpp>

#include "libmailcore/ipc/control.h"
#include "libmailcore/ipc/directory.h"
#include "libmailcore/ipc/login.h"

namespace ostler::queued::auth {
namespace {

Askers eachItsOwn() {
  return {{0, static_cast<unsigned>(Asker::administrator)},
          {101, static_cast<unsigned>(Asker::session)},
          {102, static_cast<unsigned>(Asker::spool)}};
}

TEST_CASE("each process may ask auth what its work needs, and nothing else") {
  const Askers askers = eachItsOwn();
  CHECK(refusalOf(ipc::LoginStart::kType, 101, askers) == nullptr);
  CHECK(refusalOf(ipc::WhoIs::kType, 101, askers) != nullptr);
  CHECK(refusalOf(ipc::Resolve::kType, 101, askers) != nullptr);
  CHECK(refusalOf(ipc::ControlRequest::kType, 101, askers) != nullptr);
  CHECK(refusalOf(ipc::WhoIs::kType, 102, askers) == nullptr);
  CHECK(refusalOf(ipc::LoginStart::kType, 102, askers) != nullptr);
}

TEST_CASE("root may ask auth everything, a user nobody named nothing") {
  const Askers askers = eachItsOwn();
  for (const Permission& row : kPermissions) {
    CHECK(refusalOf(row.request, 0, askers) == nullptr);
    CHECK(refusalOf(row.request, 4711, askers) != nullptr);
  }
}

}  // namespace
}  // namespace ostler::queued::auth
