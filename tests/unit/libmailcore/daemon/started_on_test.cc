#include "libmailcore/daemon/started_on.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/unit/support/temporary_folder.h"

using namespace ostler;

TEST_CASE("a process that was started on a snapshot says who takes the file itself, unless its supervisor has written the snapshot anew") {
  const test::TemporaryFolder folder;
  const std::string file = folder.file("ostler.yaml"), snapshot = folder.file("taken");
  const auto write = [](const std::string& path, const std::string& text) {
    std::ofstream(path + ".new") << text;
    std::filesystem::rename(path + ".new", path);
  };
  write(file, "host_name: mail.example.test\n");
  write(snapshot, config::snapshotOf({{file, "host_name: mail.example.test\n"}}));
  daemon::StartedOn alone(file), supervised(snapshot);
  CHECK(alone.nothingNew().empty());
  write(file, "host_name: other.example.test\n");
  CHECK(alone.nothingNew().empty());
  const std::string said = supervised.nothingNew();
  for (const std::string& word : {snapshot, file, std::string("SIGHUP"), std::to_string(::getppid())}) CHECK(said.find(word) != said.npos);
  write(snapshot, config::snapshotOf({{file, "host_name: other.example.test\n"}}));
  CHECK(supervised.nothingNew().empty());
  CHECK_FALSE(supervised.nothingNew().empty());
}
