#include "libmailcore/daemon/reach.h"

#include <catch2/catch.hpp>
#include <filesystem>

using namespace ostler;

TEST_CASE("a file that a reload brings needs a restart where the running processes have no right to its folder") {
  const std::string root = std::filesystem::temp_directory_path() / "ostler-reach";  // nothing of it need be there
  config::Config atStart;
  atStart.dataDir = root + "/data";
  atStart.runDir = root + "/run";
  atStart.certificates = {{root + "/tls/a.pem", root + "/tls/a.key"}};
  atStart.virtualServers.resize(1);
  atStart.log.target = config::LogTarget::file;
  atStart.log.file = root + "/log/ostler.log";
  struct Row {
    const char* name;
    void (*change)(config::Config& now, const std::string& root);
    const char* expected;  ///< its key; empty: a reload will do
  };
  using config::Config;
  for (const Row& row : {
           Row{"nothing", [](Config&, const std::string&) {}, ""},
           Row{"a certificate beside the first", [](Config& now, const std::string& at) { now.certificates = {{at + "/tls/b.pem", at + "/tls/b.key"}}; }, ""},
           Row{"a certificate below the configuration's folder", [](Config& now, const std::string& at) { now.certificates = {{at + "/etc/b/b.pem", at + "/etc/b/b.key"}}; }, ""},
           Row{"a certificate elsewhere", [](Config& now, const std::string& at) { now.certificates = {{at + "/other/b.pem", at + "/tls/b.key"}}; }, "tls.certificates"},
           Row{"authorities elsewhere", [](Config& now, const std::string& at) { now.clientCa = at + "/other/ca.pem"; }, "tls.client_ca"},
           Row{"keys of logins elsewhere", [](Config& now, const std::string& at) { now.oauth.jwksFile = at + "/other/jwks.json"; }, "oauth.jwks_file"},
           Row{"keys of logins in /etc, which auth reads", [](Config& now, const std::string&) { now.oauth.jwksFile = "/etc/jwks.json"; }, ""},
           Row{"another log beside the first", [](Config& now, const std::string& at) { now.log.file = at + "/log/other.log"; }, ""},
           Row{"a log elsewhere", [](Config& now, const std::string& at) { now.log.file = at + "/other/ostler.log"; }, "log.file"},
           Row{"a list of recipients elsewhere", [](Config& now, const std::string& at) { now.routes.emplace_back().recipientsFile = at + "/other/list"; }, "recipients_file"},
           Row{"badmail elsewhere", [](Config& now, const std::string& at) { now.virtualServers.front().badmail = at + "/other/badmail"; }, "badmail"},
           Row{"badmail inside the folder of badmail", [](Config& now, const std::string&) { now.virtualServers.front().badmail = now.badmailDir() + "/of-one"; }, ""},
           Row{"words of reports elsewhere", [](Config& now, const std::string& at) { now.reports.templates = at + "/other/templates"; }, "reports.templates"},
           Row{"a name that only begins alike", [](Config& now, const std::string& at) { now.clientCa = at + "/tls2/ca.pem"; }, "tls.client_ca"},
       }) {
    CAPTURE(row.name);
    Config now = atStart;
    row.change(now, root);
    const auto said = daemon::outOfReach(atStart, now, root + "/etc/ostler.yaml");
    REQUIRE(said.size() == (*row.expected == '\0' ? 0U : 1U));
    if (!said.empty()) CHECK_THAT(said[0], Catch::StartsWith(std::string(row.expected) + " needs a restart: " + root + "/other/") || Catch::Contains("/tls2/"));
  }
}

TEST_CASE("lists of aliases that a reload allows need a restart, since who reads them must reach everything") {
  config::Config atStart;
  config::Config now = atStart;
  now.directory.aliasFiles = true;
  const auto said = daemon::outOfReach(atStart, now, "/nowhere/ostler.yaml");
  REQUIRE(said.size() == 1);
  CHECK_THAT(said[0], Catch::StartsWith("directory.alias_files needs a restart: "));
  CHECK(daemon::outOfReach(now, now, "/nowhere/ostler.yaml").empty());
  CHECK(daemon::outOfReach(now, atStart, "/nowhere/ostler.yaml").empty());
}
